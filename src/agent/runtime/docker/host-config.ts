import type { ContainerConfig, LinuxResources, LinuxSecurity, Mount, PodSandboxConfig } from '../contract.ts';
import type { Sharing } from './labels.ts';
import { grantable, type HostPrivileges } from './privileges.ts';

const cpuPeriodMicros = 100_000;
const logOptions = { 'max-size': '10m', 'max-file': '5' };

type Body = Record<string, unknown>;

export function sandboxHostConfig(config: PodSandboxConfig, host: HostPrivileges): Body {
  return {
    NetworkMode: config.hostNetwork ? 'host' : 'none',
    IpcMode: config.hostIpc ? 'host' : 'shareable',
    ...(config.hostPid ? { PidMode: 'host' } : {}),
    ...(config.hostNetwork || Object.keys(config.sysctls).length === 0 ? {} : { Sysctls: config.sysctls }),
    ...(config.cgroupParent === '' ? {} : { CgroupParent: config.cgroupParent }),
    OomScoreAdj: oomScore(-998, host),
    SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'],
    LogConfig: { Type: 'json-file', Config: logOptions },
  };
}

export function containerHostConfig(
  sandboxId: string,
  config: ContainerConfig,
  sharing: Sharing,
  host: HostPrivileges,
): Body {
  const { security } = config;
  return {
    NetworkMode: sharing.hostNetwork ? 'host' : `container:${sandboxId}`,
    IpcMode: sharing.hostIpc ? 'host' : `container:${sandboxId}`,
    ...pidMode(sandboxId, sharing, config.processNamespaceOf),
    ...(sharing.hostNetwork ? { UTSMode: 'host' } : {}),
    Mounts: config.mounts.map(mountBody),
    Devices: config.devices.map((device) => ({
      PathOnHost: device.hostPath,
      PathInContainer: device.containerPath,
      CgroupPermissions: device.permissions,
    })),
    ReadonlyRootfs: security.readOnlyRootFilesystem,
    GroupAdd: security.supplementalGroups.map(String),
    ...privilegeBody(security, host),
    ...resourceBody(config.resources),
    OomScoreAdj: oomScore(config.resources.oomScoreAdj, host),
    LogConfig: { Type: 'json-file', Config: logOptions },
  };
}

export function resourceBody(resources: LinuxResources): Body {
  return {
    ...(resources.cpuShares > 0 ? { CpuShares: resources.cpuShares } : {}),
    ...(resources.cpuQuotaMicros > 0 ? { CpuQuota: resources.cpuQuotaMicros, CpuPeriod: cpuPeriodMicros } : {}),
    // Swap equal to memory means none on top of it.
    ...(resources.memoryLimitBytes > 0
      ? { Memory: resources.memoryLimitBytes, MemorySwap: resources.memoryLimitBytes }
      : {}),
    ...(resources.pidsLimit > 0 ? { PidsLimit: resources.pidsLimit } : {}),
  };
}

/** Lowering the score below zero takes CAP_SYS_RESOURCE; without it the container would not start at all. */
function oomScore(wanted: number, host: HostPrivileges): number {
  return host.missing.includes('SYS_RESOURCE') ? Math.max(0, wanted) : wanted;
}

function pidMode(sandboxId: string, sharing: Sharing, target: string | undefined): Body {
  if (target !== undefined) return { PidMode: `container:${target}` };
  if (sharing.hostPid) return { PidMode: 'host' };
  return sharing.shareProcessNamespace ? { PidMode: `container:${sandboxId}` } : {};
}

function privilegeBody(security: LinuxSecurity, host: HostPrivileges): Body {
  if (security.privileged) return privilegedBody(host);
  return {
    CapAdd: grantable(security.addCapabilities, host),
    CapDrop: [...security.dropCapabilities],
    SecurityOpt: securityOptions(security),
    ...(security.maskedPaths === undefined ? {} : { MaskedPaths: security.maskedPaths, ReadonlyPaths: [] }),
  };
}

/**
 * Docker's own `Privileged` asks for every capability the kernel knows and fails where the machine holds one back, so
 * there the same is put together from its parts.
 */
function privilegedBody(host: HostPrivileges): Body {
  if (host.missing.length === 0) return { Privileged: true };
  return {
    CapAdd: [...host.available],
    // A folder stands for all devices below it.
    Devices: [{ PathOnHost: '/dev', PathInContainer: '/dev', CgroupPermissions: 'rwm' }],
    DeviceCgroupRules: ['a *:* rwm'],
    SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined', 'label=disable'],
    MaskedPaths: [],
    ReadonlyPaths: [],
  };
}

function securityOptions(security: LinuxSecurity): string[] {
  const options: string[] = [];
  if (security.noNewPrivileges) options.push('no-new-privileges');
  if (security.seccompProfile === 'unconfined') options.push('seccomp=unconfined');
  if (security.seccompProfile.startsWith('localhost/')) {
    options.push(`seccomp=${security.seccompProfile.slice('localhost/'.length)}`);
  }
  if (security.apparmorProfile === 'unconfined') options.push('apparmor=unconfined');
  if (security.apparmorProfile.startsWith('localhost/')) {
    options.push(`apparmor=${security.apparmorProfile.slice('localhost/'.length)}`);
  }
  for (const label of security.selinuxLabel) options.push(`label=${label}`);
  return options;
}

const propagationModes = { private: 'rprivate', hostToContainer: 'rslave', bidirectional: 'rshared' } as const;

function mountBody(mount: Mount): Body {
  return {
    Type: 'bind',
    Source: mount.hostPath,
    Target: mount.containerPath,
    ReadOnly: mount.readOnly,
    BindOptions: { Propagation: propagationModes[mount.propagation] },
  };
}
