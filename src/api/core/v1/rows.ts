import type { ResourceDefinition } from '../../resource.ts';
import { bindingResource } from './binding.ts';
import { componentStatusResource } from './component-status.ts';
import { configMapResource } from './config-map.ts';
import { endpointsResource } from './endpoints.ts';
import { eventResource } from './event.ts';
import { limitRangeResource } from './limit-range.ts';
import { namespaceResource } from './namespace.ts';
import { nodeResource } from './node.ts';
import { persistentVolumeResource } from './persistent-volume.ts';
import { persistentVolumeClaimResource } from './persistent-volume-claim.ts';
import { podResource } from './pod.ts';
import { podTemplateResource } from './pod-template.ts';
import { replicationControllerResource } from './replication-controller.ts';
import { resourceQuotaResource } from './resource-quota.ts';
import { secretResource } from './secret.ts';
import { serviceResource } from './service.ts';
import { serviceAccountResource } from './service-account.ts';

/** The core group, in order of name. */
export const coreResources: readonly ResourceDefinition[] = [
  bindingResource,
  componentStatusResource,
  configMapResource,
  endpointsResource,
  eventResource,
  limitRangeResource,
  namespaceResource,
  nodeResource,
  persistentVolumeClaimResource,
  persistentVolumeResource,
  podResource,
  podTemplateResource,
  replicationControllerResource,
  resourceQuotaResource,
  secretResource,
  serviceAccountResource,
  serviceResource,
];
