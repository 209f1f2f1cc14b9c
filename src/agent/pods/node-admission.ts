import { allowsNode } from '../../api/core/v1/node-selector.ts';
import { qosClassOf } from '../../api/core/v1/pod-qos.ts';
import { isTolerated } from '../../api/core/v1/taints.ts';
import type { Node, Pod, Taint } from '../../api/core/v1/types.generated.ts';
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
  return (
    fitsPressure(pod, node) ??
    allowsSysctls(pod) ??
    fitsResources(pod, node, others) ??
    fitsSelector(pod, node) ??
    fitsPorts(pod, others)
  );
}

const systemCriticalPriority = 2_000_000_000;
const memoryPressureTaint: Taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };

/** A node that runs short takes no more of what it would have to send away first. */
function fitsPressure(pod: Pod, node: Node): AdmissionVerdict | undefined {
  const has = (type: string): boolean =>
    node.status?.conditions?.some((one) => one.type === type && one.status === 'True') === true;
  const conditions = ['MemoryPressure', 'DiskPressure'].filter(has);
  if (conditions.length === 0 || (pod.spec?.priority ?? 0) >= systemCriticalPriority) return undefined;
  if (!conditions.includes('DiskPressure')) {
    if (isTolerated(memoryPressureTaint, pod.spec?.tolerations)) return undefined;
    if (qosClassOf(pod.spec ?? { containers: [] }) !== 'BestEffort') return undefined;
  }
  return { reason: 'Evicted', message: `Pod was rejected: The node had condition: [${conditions.join(' ')}]. ` };
}

/** Those that concern their pod alone. */
const safeSysctls: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

function allowsSysctls(pod: Pod): AdmissionVerdict | undefined {
  for (const { name } of pod.spec?.securityContext?.sysctls ?? []) {
    const why = sysctlRefusal(pod, name.replaceAll('/', '.'));
    if (why === undefined) continue;
    return { reason: 'SysctlForbidden', message: `Pod was rejected: forbidden sysctl: "${name}" ${why}` };
  }
  return undefined;
}

function sysctlRefusal(pod: Pod, name: string): string | undefined {
  if (!safeSysctls.has(name)) return 'not allowlisted';
  if (name.startsWith('net.') && pod.spec?.hostNetwork === true) return 'not allowed with host net enabled';
  return name.startsWith('kernel.') && pod.spec?.hostIPC === true ? 'not allowed with host ipc enabled' : undefined;
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
  if (pod.spec === undefined || allowsNode(pod.spec, node)) return undefined;
  const message = "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
  return { reason: 'NodeAffinity', message };
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
