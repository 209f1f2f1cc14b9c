import { readFileSync } from 'node:fs';

/** Capability names in the order of their bits (linux/capability.h), up to the newest that every Docker knows. */
const capabilityNames = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
] as const;

/** What this machine lets root give to a container. A machine may hold some capabilities back from everything on it. */
export interface HostPrivileges {
  readonly available: readonly string[];
  readonly missing: readonly string[];
}

export function readHostPrivileges(statusPath = '/proc/self/status'): HostPrivileges {
  return parseHostPrivileges(readFileSync(statusPath, 'utf8'));
}

export function parseHostPrivileges(status: string): HostPrivileges {
  const hex = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  const bits = hex === undefined ? -1n : BigInt(`0x${hex}`);
  const held = (_: string, bit: number): boolean => ((bits >> BigInt(bit)) & 1n) === 1n;
  return {
    available: capabilityNames.filter(held),
    missing: capabilityNames.filter((name, bit) => !held(name, bit)),
  };
}

/** `CAP_NET_ADMIN` and `net_admin` are both `NET_ADMIN`. */
export function capabilityName(text: string): string {
  const upper = text.toUpperCase();
  return upper.startsWith('CAP_') ? upper.slice(4) : upper;
}

/** The capabilities to ask Docker for: `ALL` becomes a list where the machine holds some back. */
export function grantable(asked: readonly string[], host: HostPrivileges): string[] {
  if (host.missing.length === 0) return asked.map(capabilityName);
  const missing = new Set<string>(host.missing);
  const wanted = asked.flatMap((name) => (capabilityName(name) === 'ALL' ? host.available : [capabilityName(name)]));
  return [...new Set(wanted)].filter((name) => !missing.has(name));
}
