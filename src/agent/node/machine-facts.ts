import { readFile, statfs } from 'node:fs/promises';
import { arch, cpus, hostname, networkInterfaces, release, totalmem } from 'node:os';
import type { NodeSystemInfo } from '../../api/core/v1/types.generated.ts';
import type { RuntimeVersion } from '../runtime/contract.ts';

/** What this machine is and has. */
export interface MachineFacts {
  readonly hostname: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly architecture: string;
  readonly addresses: readonly string[];
  readonly info: Omit<NodeSystemInfo, 'containerRuntimeVersion'>;
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386' };

export async function readMachineFacts(dataDirectory: string, version: string): Promise<MachineFacts> {
  const [machineId, bootId, osRelease, disk] = await Promise.all([
    readOrEmpty('/etc/machine-id'),
    readOrEmpty('/proc/sys/kernel/random/boot_id'),
    readOrEmpty('/etc/os-release'),
    statfs(dataDirectory),
  ]);
  const architecture = architectures[arch()] ?? arch();
  return {
    hostname: hostname(),
    cpus: cpus().length,
    memoryBytes: totalmem(),
    diskBytes: disk.blocks * disk.bsize,
    architecture,
    addresses: await hostAddresses(),
    info: {
      architecture,
      bootID: bootId,
      kernelVersion: release(),
      kubeProxyVersion: '',
      kubeletVersion: version,
      machineID: machineId,
      operatingSystem: 'linux',
      osImage: /^PRETTY_NAME="?(.*?)"?$/m.exec(osRelease)?.[1] ?? 'Linux',
      systemUUID: (await readOrEmpty('/sys/class/dmi/id/product_uuid')) || machineId,
    },
  };
}

/** `docker://20.10.24` */
export function runtimeVersionText({ name, version }: RuntimeVersion): string {
  return `${name}://${version}`;
}

export async function freeDiskShare(path: string): Promise<{ bytes: number; inodes: number }> {
  const disk = await statfs(path);
  return {
    bytes: disk.blocks === 0 ? 1 : disk.bavail / disk.blocks,
    inodes: disk.files === 0 ? 1 : disk.ffree / disk.files,
  };
}

/** Memory that could be given out, in bytes. */
export async function availableMemoryBytes(): Promise<number> {
  const text = await readOrEmpty('/proc/meminfo');
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  return kilobytes === undefined ? Number.POSITIVE_INFINITY : Number(kilobytes) * 1024;
}

/** The share of process ids in use. */
export async function usedPidShare(): Promise<number> {
  const [load, max] = await Promise.all([readOrEmpty('/proc/loadavg'), readOrEmpty('/proc/sys/kernel/pid_max')]);
  const running = Number(load.split(' ')[3]?.split('/')[1] ?? 0);
  return running / (Number(max) || 32_768);
}

/** The address of the interface with the default route first; bridges of container engines are left out. */
export async function hostAddresses(): Promise<string[]> {
  const routes = await readOrEmpty('/proc/net/route');
  const defaults = routes.split('\n').flatMap((line) => {
    const fields = line.split('\t');
    return fields[1] === '00000000' && fields[0] !== undefined ? [fields[0]] : [];
  });
  const all = networkInterfaces();
  const found: { ip: string; first: boolean }[] = [];
  for (const [name, addresses = []] of Object.entries(all)) {
    if (/^(lo|docker|br-|veth|rs\d|cni|virbr)/.test(name)) continue;
    for (const { family, address, internal } of addresses) {
      if (family === 'IPv4' && !internal) found.push({ ip: address, first: defaults.includes(name) });
    }
  }
  const ordered = found.sort((a, b) => Number(b.first) - Number(a.first)).map(({ ip }) => ip);
  return ordered.length === 0 ? ['127.0.0.1'] : ordered.slice(0, 1);
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'EACCES') return '';
    throw error;
  }
}
