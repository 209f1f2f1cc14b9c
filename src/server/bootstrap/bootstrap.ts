import type { Logger } from '../../machinery/logger.ts';
import type { ObjectAccess } from '../contract.ts';
import {
  type ClusterFacts,
  ensureAuthenticationConfig,
  ensureKubernetesService,
  ensureNamespaces,
  ensurePriorityClasses,
  ensureStorageClass,
} from './cluster-objects.ts';
import { ensureFlowObjects } from './flow-objects.ts';
import { ensurePolicy } from './policy.ts';

/** As upstream's endpoint reconciler. */
const keepIntervalMs = 10_000;

/** What every cluster holds before its first client comes; brought back at every start. */
export async function ensureClusterObjects(objects: ObjectAccess, facts: ClusterFacts): Promise<void> {
  await ensureNamespaces(objects);
  await Promise.all([
    ensurePolicy(objects),
    ensurePriorityClasses(objects),
    ensureStorageClass(objects),
    ensureFlowObjects(objects),
    ensureKubernetesService(objects, facts),
    ensureAuthenticationConfig(objects, facts),
  ]);
}

/**
 * Brings the system namespaces and the service `kubernetes` back when somebody deletes them (`kubectl delete all --all`
 * does), until the returned function is called.
 */
export function keepClusterObjects(objects: ObjectAccess, facts: ClusterFacts, logger: Logger): () => void {
  const keep = async (): Promise<void> => {
    await ensureNamespaces(objects);
    await ensureKubernetesService(objects, facts);
  };
  const timer = setInterval(() => {
    keep().catch((error: unknown) => logger.warn({ err: error }, 'Cluster objects could not be kept'));
  }, keepIntervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
