import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { arch, cpus, networkInterfaces, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { HostFacts } from '../../api/fleet/v1/host.ts';

const run = promisify(execFile);
const sectorBytes = 512;
/** Devices made of other devices, or of files and memory. */
const virtualDisks = /^(loop|ram|zram|dm-|md|sr|fd|nbd)/;
/** Ends of pods' links, bridges and tunnels, of which a node has hundreds. */
export const virtualInterfaces = /^(lo|docker|br-|veth|rs|cni|virbr|flannel|tun|tap|dummy|wg|vxlan)/;
const displayClasses = new Set(['0x0300', '0x0302', '0x0380']);
const gpuVendors: Readonly<Record<string, string>> = { '0x10de': 'NVIDIA', '0x1002': 'AMD', '0x8086': 'Intel' };
const probeTimeoutMs = 5_000;

/** What this machine is and has, but for its container engine. */
export async function readHostFacts(): Promise<HostFacts> {
  const [osRelease, machineId, bootId, disks, virtualization, gpus] = await Promise.all([
    readText('/etc/os-release'),
    readText('/etc/machine-id'),
    readText('/proc/sys/kernel/random/boot_id'),
    readDisks(),
    detectVirtualization(),
    readGpus(),
  ]);
  const processors = cpus();
  return {
    os: /^PRETTY_NAME="?(.*?)"?$/m.exec(osRelease)?.[1] ?? 'Linux',
    kernel: release(),
    architecture: arch() === 'x64' ? 'amd64' : arch(),
    cpus: processors.length,
    cpuModel: processors[0]?.model ?? '',
    memoryBytes: totalmem(),
    disks,
    nics: readNics(),
    virtualization,
    gpus,
    systemd: existsSync('/run/systemd/system'),
    machineId,
    bootId,
  };
}

async function readDisks(): Promise<NonNullable<HostFacts['disks']>> {
  const names = (await entries('/sys/block')).filter((name) => !virtualDisks.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sizeBytes = Number(await readText(join('/sys/block', name, 'size'))) * sectorBytes;
      const model = await readText(join('/sys/block', name, 'device/model'));
      return { name, sizeBytes, ...(model === '' ? {} : { model }) };
    }),
  );
}

function readNics(): NonNullable<HostFacts['nics']> {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !virtualInterfaces.test(name))
    .map(([name, addresses = []]) => ({
      name,
      mac: addresses[0]?.mac ?? '',
      addresses: addresses
        .filter(({ scopeid }) => scopeid === undefined || scopeid === 0)
        .map(({ cidr, address }) => cidr ?? address),
    }));
}

/** systemd knows best; without it, what the firmware calls the machine. */
async function detectVirtualization(): Promise<string> {
  try {
    const { stdout } = await run('systemd-detect-virt', [], { timeout: probeTimeoutMs });
    return stdout.trim();
  } catch (error) {
    // On bare metal it says "none" and exits with 1.
    const { stdout } = error as { stdout?: string };
    if (stdout !== undefined && stdout.trim() !== '') return stdout.trim();
  }
  if (existsSync('/.dockerenv')) return 'docker';
  const product = await readText('/sys/class/dmi/id/product_name');
  const known = ['KVM', 'VirtualBox', 'VMware', 'Virtual Machine', 'HVM'].find((name) => product.includes(name));
  if (known !== undefined) return known.toLowerCase();
  return (await readText('/proc/cpuinfo')).includes(' hypervisor') ? 'vm' : 'none';
}

async function readGpus(): Promise<string[]> {
  const found: string[] = [];
  for (const device of await entries('/sys/bus/pci/devices')) {
    const folder = join('/sys/bus/pci/devices', device);
    const kind = (await readText(join(folder, 'class'))).slice(0, 6);
    if (!displayClasses.has(kind)) continue;
    const [vendor, model] = await Promise.all([readText(join(folder, 'vendor')), readText(join(folder, 'device'))]);
    if (gpuVendors[vendor] !== undefined) found.push(`${gpuVendors[vendor]} ${model}`);
  }
  return found;
}

async function entries(folder: string): Promise<string[]> {
  return existsSync(folder) ? await readdir(folder) : [];
}

/** Empty when there is none, or it is not to be read. */
export async function readText(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch {
    // Each of these files is missing on some machine, and what cannot be read is simply not known.
    return '';
  }
}
