import type { ResourceDefinition } from '../../resource.ts';
import { controllerRevisionResource } from './controllerrevision.ts';
import { daemonSetResource } from './daemonset.ts';
import { deploymentResource } from './deployment.ts';
import { replicaSetResource } from './replicaset.ts';
import { statefulSetResource } from './statefulset.ts';

export const appsResources: readonly ResourceDefinition[] = [
  controllerRevisionResource,
  daemonSetResource,
  deploymentResource,
  replicaSetResource,
  statefulSetResource,
];
