import { qosClassOf } from '../../api/core/v1/pod-qos.ts';
import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
} from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import {
  addQuantity,
  compareQuantity,
  formatQuantity,
  parseQuantity,
  type Quantity,
} from '../../machinery/quantity.ts';
import type { ObjectAccess } from '../contract.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { isPodCreate } from './chain.ts';
import { refuse } from './refusals.ts';

const limitRanges = { group: '', resource: 'limitranges' };
const annotation = 'kubernetes.io/limit-ranger';

type Amounts = Readonly<Record<string, number | string>>;

/** Gives containers the requests and limits of the namespace's LimitRanges, and refuses what is outside of them. */
export function limitRanger(objects: ObjectAccess): AdmissionPlugin {
  const ranges = new Map<string, Map<string, LimitRange>>();
  const note = (object: LimitRange): void => {
    const { namespace = '', name } = object.metadata;
    const inNamespace = ranges.get(namespace) ?? new Map<string, LimitRange>();
    ranges.set(namespace, inNamespace);
    inNamespace.set(name, object);
  };
  objects.onChange(limitRanges, ({ type, namespace, name, object }) => {
    if (type === 'delete') ranges.get(namespace)?.delete(name);
    else note(as<LimitRange>(object));
  });
  for (const object of objects.list(limitRanges)) note(as<LimitRange>(object));
  const itemsIn = (namespace: string): LimitRangeItem[] =>
    [...(ranges.get(namespace)?.values() ?? [])].flatMap(({ spec }) => spec?.limits ?? []);

  return {
    name: 'LimitRanger',
    handles: (attributes) => isPodCreate(attributes) || isClaimWrite(attributes),
    async admit(attributes) {
      if (!isPodCreate(attributes) || attributes.object === undefined) return;
      const items = itemsIn(attributes.namespace);
      if (items.length > 0) applyDefaults(as<Pod>(attributes.object), items);
    },
    async validate(attributes) {
      if (attributes.object === undefined) return;
      const items = itemsIn(attributes.namespace);
      if (items.length === 0) return;
      const problems = isPodCreate(attributes)
        ? podProblems(as<Pod>(attributes.object), items)
        : claimProblems(as<PersistentVolumeClaim>(attributes.object), items);
      if (problems.length > 0)
        throw refuse(attributes, problems.length === 1 ? (problems[0] ?? '') : `[${problems.join(', ')}]`);
    },
  };
}

function isClaimWrite({ operation, group, resource, subresource }: AdmissionAttributes): boolean {
  const isWrite = operation === 'CREATE' || operation === 'UPDATE';
  return isWrite && group === '' && resource === 'persistentvolumeclaims' && subresource === '';
}

function applyDefaults(pod: Pod, items: readonly LimitRangeItem[]): void {
  const limits: Record<string, number | string> = {};
  const requests: Record<string, number | string> = {};
  for (const { type, default: limit, defaultRequest } of items) {
    if (type !== 'Container') continue;
    Object.assign(limits, limit);
    Object.assign(requests, defaultRequest);
  }
  const notes = [
    ...(pod.spec?.containers ?? []).flatMap((container) =>
      defaultContainer(container, 'container', { limits, requests }),
    ),
    ...(pod.spec?.initContainers ?? []).flatMap((container) =>
      defaultContainer(container, 'init container', { limits, requests }),
    ),
  ];
  if (notes.length === 0) return;
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${notes.join('; ')}`,
  };
  // What a pod asks for decides its class of service.
  if (pod.status !== undefined && pod.spec !== undefined) pod.status.qosClass = qosClassOf(pod.spec);
}

function defaultContainer(
  container: Container,
  what: string,
  defaults: { limits: Amounts; requests: Amounts },
): string[] {
  const notes: string[] = [];
  for (const [field, word] of [
    ['requests', 'request'],
    ['limits', 'limit'],
  ] as const) {
    const given = container.resources?.[field] ?? {};
    const missing = Object.keys(defaults[field]).filter((name) => given[name] === undefined);
    if (missing.length === 0) continue;
    const added = Object.fromEntries(missing.map((name) => [name, defaults[field][name] ?? 0]));
    container.resources = { ...container.resources, [field]: { ...given, ...added } };
    notes.push(`${missing.sort().join(', ')} ${word} for ${what} ${container.name}`);
  }
  return notes;
}

interface Usage {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

function podProblems(pod: Pod, items: readonly LimitRangeItem[]): string[] {
  const containers = pod.spec?.containers ?? [];
  const all = [...(pod.spec?.initContainers ?? []), ...containers];
  return items.flatMap((item) => {
    if (item.type === 'Container') return all.flatMap(({ resources }) => problemsOf(item, usageOf(resources)));
    if (item.type === 'Pod') return problemsOf(item, podUsage(pod));
    return [];
  });
}

function claimProblems(claim: PersistentVolumeClaim, items: readonly LimitRangeItem[]): string[] {
  const usage = usageOf(claim.spec?.resources);
  return items.flatMap((item) => (item.type === 'PersistentVolumeClaim' ? problemsOf(item, usage) : []));
}

function usageOf(resources: { requests?: Amounts; limits?: Amounts } | undefined): Usage {
  return { requests: resources?.requests ?? {}, limits: resources?.limits ?? {} };
}

/** The sum over the containers, or the largest init container where that is more. */
function podUsage(pod: Pod): Usage {
  const total = (field: keyof Usage): Amounts => {
    const sums = new Map<string, Quantity>();
    for (const { resources } of pod.spec?.containers ?? []) {
      for (const [name, amount] of Object.entries(resources?.[field] ?? {})) {
        const sum = sums.get(name);
        sums.set(name, sum === undefined ? parseQuantity(amount) : addQuantity(sum, parseQuantity(amount)));
      }
    }
    for (const { resources } of pod.spec?.initContainers ?? []) {
      for (const [name, amount] of Object.entries(resources?.[field] ?? {})) {
        const sum = sums.get(name);
        const own = parseQuantity(amount);
        if (sum === undefined || compareQuantity(own, sum) > 0) sums.set(name, own);
      }
    }
    return Object.fromEntries([...sums].map(([name, sum]) => [name, formatQuantity(sum)]));
  };
  return { requests: total('requests'), limits: total('limits') };
}

/** The words of plugin/pkg/admission/limitranger. */
function problemsOf({ type, min = {}, max = {}, maxLimitRequestRatio = {} }: LimitRangeItem, usage: Usage): string[] {
  const problems: string[] = [];
  const canonical = (amount: number | string): string => formatQuantity(parseQuantity(amount));
  const compare = (a: number | string, b: number | string): number =>
    compareQuantity(parseQuantity(a), parseQuantity(b));
  const { requests, limits } = usage;
  for (const [name, enforced] of Object.entries(min)) {
    const must = `minimum ${name} usage per ${type} is ${canonical(enforced)}`;
    const [request, limit] = [requests[name], limits[name]];
    if (request === undefined) problems.push(`${must}.  No request is specified`);
    else if (compare(request, enforced) < 0) problems.push(`${must}, but request is ${canonical(request)}`);
    else if (limit !== undefined && compare(limit, enforced) < 0)
      problems.push(`${must}, but limit is ${canonical(limit)}`);
  }
  for (const [name, enforced] of Object.entries(max)) {
    const must = `maximum ${name} usage per ${type} is ${canonical(enforced)}`;
    const [request, limit] = [requests[name], limits[name]];
    // A claim has requests only.
    if (type === 'PersistentVolumeClaim') {
      if (request !== undefined && compare(request, enforced) > 0)
        problems.push(`${must}, but request is ${canonical(request)}`);
    } else if (limit === undefined) problems.push(`${must}.  No limit is specified`);
    else if (compare(limit, enforced) > 0) problems.push(`${must}, but limit is ${canonical(limit)}`);
    else if (request !== undefined && compare(request, enforced) > 0)
      problems.push(`${must}, but request is ${canonical(request)}`);
  }
  for (const [name, enforced] of Object.entries(maxLimitRequestRatio)) {
    const must = `${name} max limit to request ratio per ${type} is ${canonical(enforced)}`;
    const [request, limit] = [requests[name], limits[name]];
    const asked = request === undefined ? 0 : Number(parseQuantity(request).nanos);
    if (asked === 0) problems.push(`${must}, but no request is specified or request is 0`);
    else if (limit === undefined) problems.push(`${must}, but no limit is specified`);
    else {
      const ratio = Number(parseQuantity(limit).nanos) / asked;
      if (ratio > Number(parseQuantity(enforced).nanos) / 1e9)
        problems.push(`${must}, but provided ratio is ${ratio.toFixed(6)}`);
    }
  }
  return problems;
}
