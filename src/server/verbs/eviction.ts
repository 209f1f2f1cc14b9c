import type { Pod } from '../../api/core/v1/types.generated.ts';
import type { Eviction, PodDisruptionBudget } from '../../api/policy/v1/types.generated.ts';
import type { ResourceDefinition } from '../../api/resource.ts';
import { schemaOf } from '../../api/schema/structure.ts';
import { selectorOf } from '../../machinery/labels.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import {
  ApiError,
  badRequest,
  forbidden,
  internalError,
  notFound,
  tooManyRequests,
} from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import type { ObjectAccess } from '../contract.ts';
import { deleteObject } from '../registry/deletion.ts';
import type { Registry } from '../registry/registry.ts';
import { admitPosted } from '../registry/write-request.ts';
import type { RequestContext } from '../request.ts';
import { readObject } from './object-decoding.ts';
import { dryRunOf, fieldValidationOf, writeRequestOf } from './request-options.ts';
import { sendPlain } from './respond.ts';
import { successStatus } from './success-status.ts';

const evictionKind = { group: 'policy', version: 'v1', kind: 'Eviction' };
const pods = { group: '', resource: 'pods' };
const budgets = { group: 'policy', resource: 'poddisruptionbudgets' };
/** As upstream: a budget whose controller does not keep up stops evictions. */
const disruptedPodsMax = 2000;

/** POST of `pods/<name>/eviction`: a delete that a PodDisruptionBudget may refuse for now. */
export async function evictPod(
  context: RequestContext,
  row: ResourceDefinition,
  registry: Registry,
  objects: ObjectAccess,
): Promise<void> {
  const expected = { ...evictionKind, schema: schemaOf('policy/v1.Eviction') };
  const object = await readObject(context, expected, fieldValidationOf(context.query, 'CreateOptions'));
  const { metadata, deleteOptions = {} } = object as unknown as Eviction;
  const { name, namespace } = context.info;
  if ((metadata.name ?? '') !== '' && metadata.name !== name) {
    throw badRequest('name in URL does not match name in Eviction object');
  }
  const found = await objects.getFresh(pods, namespace, name);
  if (found === undefined) throw notFound(row, name);
  const pod = found as unknown as Pod;
  const values = [...(deleteOptions.dryRun ?? []), ...context.query.getAll('dryRun')];
  const dryRun = dryRunOf(values, 'DeleteOptions');
  const request = { ...writeRequestOf(context, row, undefined, 'DeleteOptions'), dryRun };
  await admitPosted(registry.admission, request, { kind: 'Eviction', subresource: 'eviction', name, object });
  if (!ignoresBudgets(pod)) await claimDisruption(pod, objects, registry.clock(), dryRun);
  if (!dryRun && hasUse(pod)) await markDisrupted(objects, pod, registry.clock());
  await deleteObject(registry, request, deleteOptions);
  await sendPlain(context, successStatus(201), 201);
}

/** Only a pod that is not on its way out can be disturbed. */
function hasUse({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

/** Tells a Job's failure policy, and whoever looks at the pod later, that it did not fail by itself. */
async function markDisrupted(objects: ObjectAccess, { metadata }: Pod, now: number): Promise<void> {
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastTransitionTime: rfc3339(now),
  };
  const mark = (object: UnknownObject): boolean => {
    const pod = object as unknown as Pod;
    if (pod.metadata.uid !== metadata.uid) return false;
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
    pod.status = { ...pod.status, conditions: [...others, condition] };
    return true;
  };
  await objects.modify(pods, metadata.namespace ?? '', metadata.name, mark, 'status');
}

/** A pod that does not serve disturbs nobody when it goes. */
function ignoresBudgets({ metadata, status }: Pod): boolean {
  const phase = status?.phase;
  return metadata.deletionTimestamp !== undefined || phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending';
}

async function claimDisruption(pod: Pod, objects: ObjectAccess, now: number, dryRun: boolean): Promise<void> {
  const namespace = pod.metadata.namespace ?? '';
  const matching = objects.list(budgets, namespace).filter((object) => {
    const selector = selectorOf(asBudget(object).spec?.selector);
    return selector.matches(pod.metadata.labels);
  });
  if (matching.length > 1) {
    throw internalError(
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const [budget] = matching;
  if (budget === undefined) return;
  if (isUnhealthyAllowed(pod, asBudget(budget))) return;
  await objects.modify(
    budgets,
    namespace,
    budget.metadata.name,
    (object) => {
      takeDisruption(asBudget(object), pod.metadata.name, now);
      return !dryRun;
    },
    'status',
  );
}

function isUnhealthyAllowed(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  const isReady = (pod.status?.conditions ?? []).some(
    ({ type, status: state }) => type === 'Ready' && state === 'True',
  );
  if (isReady) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

/** Changes the budget, or throws what upstream answers. */
function takeDisruption(budget: PodDisruptionBudget, podName: string, now: number): void {
  const { name, generation = 0 } = budget.metadata;
  const { status } = budget;
  if (status === undefined || (status.observedGeneration ?? 0) < generation) {
    throw violation(`The disruption budget ${name} is still being processed by the server.`, 10);
  }
  const { disruptionsAllowed = 0 } = status;
  if (disruptionsAllowed < 0) throw forbidden(budgets, name, 'pdb disruptions allowed is negative');
  if (Object.keys(status.disruptedPods ?? {}).length > disruptedPodsMax) {
    throw forbidden(budgets, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  }
  if (disruptionsAllowed === 0) {
    throw violation(
      `The disruption budget ${name} needs ${status.desiredHealthy} healthy pods and has ${status.currentHealthy} currently`,
      0,
    );
  }
  status.disruptionsAllowed = disruptionsAllowed - 1;
  status.disruptedPods = { ...status.disruptedPods, [podName]: rfc3339(now) };
}

function violation(cause: string, retryAfterSeconds: number): ApiError {
  const { status } = tooManyRequests(
    "Cannot evict pod as it would violate the pod's disruption budget.",
    retryAfterSeconds,
  );
  return new ApiError({
    ...status,
    details: { ...status.details, causes: [{ reason: 'DisruptionBudget', message: cause }] },
  });
}

function asBudget(object: UnknownObject): PodDisruptionBudget {
  return object as unknown as PodDisruptionBudget;
}
