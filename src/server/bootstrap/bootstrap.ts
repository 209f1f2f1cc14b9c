import type { ObjectAccess } from '../contract.ts';
import {
  type ClusterFacts,
  ensureAuthenticationConfig,
  ensureKubernetesService,
  ensureNamespaces,
  ensurePriorityClasses,
} from './cluster-objects.ts';
import { ensureFlowObjects } from './flow-objects.ts';
import { ensurePolicy } from './policy.ts';

/** What every cluster holds before its first client comes; brought back at every start. */
export async function ensureClusterObjects(objects: ObjectAccess, facts: ClusterFacts): Promise<void> {
  await ensureNamespaces(objects);
  await Promise.all([
    ensurePolicy(objects),
    ensurePriorityClasses(objects),
    ensureFlowObjects(objects),
    ensureKubernetesService(objects, facts),
    ensureAuthenticationConfig(objects, facts),
  ]);
}
