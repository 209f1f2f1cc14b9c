import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import type { HostPort } from '../network/contract.ts';
import type { PodSandboxStatus } from '../runtime/contract.ts';
import { formatResolvConf, podDns } from './dns-config.ts';
import { hostsFile, podHostname } from './hosts-file.ts';
import { identityOf } from './pod-containers.ts';
import type { PodContext } from './pod-context.ts';

/** The sandbox could not be made or connected. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
}

/** Creates the sandbox and connects it. What was made of it is taken back when its network fails. */
export async function createSandbox(
  context: PodContext,
  pod: Pod,
  attempt: number,
): Promise<{ id: string; ips: readonly string[] }> {
  const { spec } = pod;
  let id: string | undefined;
  try {
    id = await context.runtime.runPodSandbox({
      pod: identityOf(pod),
      attempt,
      hostname: podHostname(pod, context.clusterDomain).hostname,
      labels: {},
      annotations: {},
      hostNetwork: spec?.hostNetwork === true,
      hostPid: spec?.hostPID === true,
      hostIpc: spec?.hostIPC === true,
      shareProcessNamespace: spec?.shareProcessNamespace === true,
      cgroupParent: '',
      sysctls: Object.fromEntries((spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
      runtimeHandler: '',
    });
    if (spec?.hostNetwork === true) return { id, ips: [] };
    const { sandboxes } = await context.runtime.listPods(identityOf(pod).uid);
    const status = sandboxes.find((one) => one.id === id);
    return { id, ips: await attachSandbox(context, pod, status) };
  } catch (error) {
    if (id !== undefined) await context.runtime.removePodSandbox(id);
    const why = error instanceof Error ? error.message : String(error);
    throw new SandboxError(why, { cause: error });
  }
}

/** Safe to repeat for a sandbox that is connected: gives the same addresses. */
export async function attachSandbox(
  context: PodContext,
  pod: Pod,
  sandbox: PodSandboxStatus | undefined,
): Promise<readonly string[]> {
  if (pod.spec?.hostNetwork === true) return [];
  const network = context.network();
  if (network === undefined) throw new Error('network is not ready: the node has no pod CIDR yet');
  if (sandbox?.networkNamespace === undefined) throw new Error('the sandbox ended before it was connected');
  const { ips } = await network.attach({
    sandboxId: sandbox.id,
    pod: identityOf(pod),
    networkNamespace: sandbox.networkNamespace,
    hostPorts: hostPortsOf(pod),
  });
  return ips;
}

function hostPortsOf(pod: Pod): HostPort[] {
  const containers = [
    ...(pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === 'Always'),
    ...(pod.spec?.containers ?? []),
  ];
  return containers.flatMap(({ ports = [] }) =>
    ports
      .filter(({ hostPort = 0 }) => hostPort > 0)
      .map(({ hostPort = 0, containerPort, protocol = 'TCP', hostIP = '' }) => ({
        hostPort,
        containerPort,
        protocol: protocol === 'UDP' || protocol === 'SCTP' ? protocol : 'TCP',
        hostIp: hostIP,
      })),
  );
}

/** Writes the files that every container of the pod has in common. */
export async function writePodFiles(
  context: PodContext,
  pod: Pod,
  podIps: readonly string[],
): Promise<{ hostsPath: string; resolvConfPath: string }> {
  const directory = join(context.podsDirectory, identityOf(pod).uid);
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const hostsPath = join(directory, 'etc-hosts');
  const resolvConfPath = join(directory, 'resolv.conf');
  const hostFile = pod.spec?.hostNetwork === true ? await readFile('/etc/hosts', 'utf8') : undefined;
  const names = podHostname(pod, context.clusterDomain);
  const dns = podDns(pod, await context.hostResolvConf(), context.clusterDns);
  await Promise.all([
    writeFile(hostsPath, hostsFile(pod, names, podIps, hostFile)),
    writeFile(resolvConfPath, formatResolvConf(dns)),
  ]);
  return { hostsPath, resolvConfPath };
}
