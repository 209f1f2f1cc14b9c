import { admissionregistrationResources } from './admissionregistration/v1/rows.ts';
import { apiextensionsResources } from './apiextensions/v1/rows.ts';
import { apiregistrationResources } from './apiregistration/v1/rows.ts';
import { appsResources } from './apps/v1/rows.ts';
import { authenticationResources } from './authentication/v1/rows.ts';
import { authorizationResources } from './authorization/v1/rows.ts';
import { autoscalingV1Resources } from './autoscaling/v1/rows.ts';
import { autoscalingV2Resources } from './autoscaling/v2/rows.ts';
import { batchResources } from './batch/v1/rows.ts';
import { certificatesResources } from './certificates/v1/rows.ts';
import { coordinationResources } from './coordination/v1/rows.ts';
import { coreResources } from './core/v1/rows.ts';
import { discoveryResources } from './discovery/v1/rows.ts';
import { eventsResources } from './events/v1/rows.ts';
import { flowcontrolResources } from './flowcontrol/v1/rows.ts';
import { metricsResources } from './metrics/v1beta1/rows.ts';
import { networkingResources } from './networking/v1/rows.ts';
import { nodeResources } from './node/v1/rows.ts';
import { policyResources } from './policy/v1/rows.ts';
import { rbacResources } from './rbac/v1/rows.ts';
import { dynamicResources } from './resource/v1/rows.ts';
import type { ResourceDefinition } from './resource.ts';
import { schedulingResources } from './scheduling/v1/rows.ts';
import { storageResources } from './storage/v1/rows.ts';

/**
 * Every row that is compiled in. The order of groups is the order in which discovery offers them, and so which resource
 * an ambiguous word of kubectl means; of a group's versions the first listed is preferred.
 */
export const builtinResources: readonly ResourceDefinition[] = [
  ...coreResources,
  ...apiregistrationResources,
  ...appsResources,
  ...eventsResources,
  ...authenticationResources,
  ...authorizationResources,
  ...autoscalingV2Resources,
  ...autoscalingV1Resources,
  ...batchResources,
  ...certificatesResources,
  ...networkingResources,
  ...policyResources,
  ...rbacResources,
  ...storageResources,
  ...admissionregistrationResources,
  ...apiextensionsResources,
  ...schedulingResources,
  ...coordinationResources,
  ...nodeResources,
  ...discoveryResources,
  ...dynamicResources,
  ...flowcontrolResources,
  ...metricsResources,
];
