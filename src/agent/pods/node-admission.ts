import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../../api/core/v1/types.generated.ts';
import { quantityToNumber } from '../../machinery/quantity.ts';
import { podRequest } from './resources.ts';

export interface AdmissionVerdict {
  readonly reason: string;
  readonly message: string;
}

/**
 * The node's own check of a pod that was bound to it, as upstream's predicate admit handler: undefined admits. `others`
 * are the pods that run here and have not ended.
 */
export function admitPod(pod: Pod, node: Node, others: readonly Pod[]): AdmissionVerdict | undefined {
  return fitsResources(pod, node, others) ?? fitsSelector(pod, node) ?? fitsPorts(pod, others);
}

function fitsResources(pod: Pod, node: Node, others: readonly Pod[]): AdmissionVerdict | undefined {
  const allocatable = node.status?.allocatable ?? {};
  const podsMax = quantityToNumber(allocatable['pods']);
  if (podsMax > 0 && others.length + 1 > podsMax) {
    return rejected('OutOfpods', 'pods', 1, others.length, podsMax);
  }
  for (const name of resourceNames(pod)) {
    const scale = name === 'cpu' ? 1000 : 1;
    const asked = Math.round(podRequest(pod, name) * scale);
    if (asked === 0) continue;
    const capacity = Math.round(quantityToNumber(allocatable[name]) * scale);
    let used = 0;
    for (const other of others) used += Math.round(podRequest(other, name) * scale);
    if (used + asked > capacity) return rejected(`OutOf${name}`, name, asked, used, capacity);
  }
  return undefined;
}

function rejected(reason: string, resource: string, asked: number, used: number, capacity: number): AdmissionVerdict {
  const message = `Node didn't have enough resource: ${resource}, requested: ${asked}, used: ${used}, capacity: ${capacity}`;
  return { reason, message: `Pod was rejected: ${message}` };
}

function resourceNames(pod: Pod): Set<string> {
  const names = new Set<string>();
  for (const { resources } of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
    for (const name of Object.keys(resources?.requests ?? resources?.limits ?? {})) names.add(name);
  }
  return names;
}

function fitsSelector(pod: Pod, node: Node): AdmissionVerdict | undefined {
  const labels = node.metadata.labels ?? {};
  const selector = Object.entries(pod.spec?.nodeSelector ?? {});
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const fits =
    selector.every(([key, value]) => labels[key] === value) &&
    (terms === undefined || terms.some((term) => matchesTerm(term, labels, node.metadata.name ?? '')));
  if (fits) return undefined;
  const message = "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
  return { reason: 'NodeAffinity', message };
}

function matchesTerm(term: NodeSelectorTerm, labels: Readonly<Record<string, string>>, nodeName: string): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  return (
    expressions.every((one) => matchesRequirement(one, labels[one.key])) &&
    fields.every((one) => matchesRequirement(one, one.key === 'metadata.name' ? nodeName : undefined))
  );
}

function matchesRequirement({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

function fitsPorts(pod: Pod, others: readonly Pod[]): AdmissionVerdict | undefined {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return undefined;
  const taken = others.flatMap(hostPorts);
  const clash = wanted.some((one) =>
    taken.some(
      (other) =>
        one.port === other.port &&
        one.protocol === other.protocol &&
        (one.ip === other.ip || one.ip === anyAddress || other.ip === anyAddress),
    ),
  );
  if (!clash) return undefined;
  const message =
    "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
  return { reason: 'NodePorts', message };
}

const anyAddress = '0.0.0.0';

function hostPorts(pod: Pod): { port: number; protocol: string; ip: string }[] {
  const found: { port: number; protocol: string; ip: string }[] = [];
  for (const { ports = [] } of pod.spec?.containers ?? []) {
    for (const { hostPort = 0, protocol = 'TCP', hostIP = '' } of ports) {
      if (hostPort > 0) found.push({ port: hostPort, protocol, ip: hostIP === '' ? anyAddress : hostIP });
    }
  }
  return found;
}
