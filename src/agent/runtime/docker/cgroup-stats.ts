import { readFile } from 'node:fs/promises';

export interface CgroupUsage {
  readonly cpuUsageNanoseconds: number;
  readonly memoryWorkingSetBytes: number;
}

/** Where a process's cgroups stand in the file system, from `/proc/<pid>/cgroup`; v1 and v2. */
export interface CgroupPaths {
  readonly version: 1 | 2;
  readonly cpu: string;
  readonly memory: string;
}

export async function cgroupPathsOf(pid: number): Promise<CgroupPaths | undefined> {
  const text = await readText(`/proc/${pid}/cgroup`);
  return text === undefined ? undefined : parseCgroupPaths(text);
}

export function parseCgroupPaths(text: string): CgroupPaths | undefined {
  let cpu: string | undefined;
  let memory: string | undefined;
  let unified: string | undefined;
  for (const line of text.split('\n')) {
    const [id, controllers, path] = line.split(':');
    if (id === undefined || controllers === undefined || path === undefined) continue;
    const names = controllers.split(',');
    if (names.includes('cpuacct')) cpu = `/sys/fs/cgroup/${controllers}${path}`;
    if (names.includes('memory')) memory = `/sys/fs/cgroup/memory${path}`;
    if (id === '0' && controllers === '') unified = `/sys/fs/cgroup${path}`;
  }
  if (cpu !== undefined && memory !== undefined) return { version: 1, cpu, memory };
  if (unified !== undefined) return { version: 2, cpu: unified, memory: unified };
  return undefined;
}

/** Undefined when the cgroup is gone: the container has ended. */
export async function readCgroupUsage(paths: CgroupPaths): Promise<CgroupUsage | undefined> {
  return paths.version === 2 ? readVersion2(paths.cpu) : readVersion1(paths);
}

async function readVersion1(paths: CgroupPaths): Promise<CgroupUsage | undefined> {
  const [cpu, usage, stat] = await Promise.all([
    readText(`${paths.cpu}/cpuacct.usage`),
    readText(`${paths.memory}/memory.usage_in_bytes`),
    readText(`${paths.memory}/memory.stat`),
  ]);
  if (cpu === undefined || usage === undefined || stat === undefined) return undefined;
  return {
    cpuUsageNanoseconds: Number(cpu),
    memoryWorkingSetBytes: Math.max(0, Number(usage) - statField(stat, 'total_inactive_file')),
  };
}

async function readVersion2(path: string): Promise<CgroupUsage | undefined> {
  const [cpu, usage, stat] = await Promise.all([
    readText(`${path}/cpu.stat`),
    readText(`${path}/memory.current`),
    readText(`${path}/memory.stat`),
  ]);
  if (cpu === undefined || usage === undefined || stat === undefined) return undefined;
  return {
    cpuUsageNanoseconds: statField(cpu, 'usage_usec') * 1000,
    memoryWorkingSetBytes: Math.max(0, Number(usage) - statField(stat, 'inactive_file')),
  };
}

/** Received and sent bytes of all interfaces but loopback, from `/proc/<pid>/net/dev`. */
export async function readNetworkBytes(pid: number): Promise<{ rx: number; tx: number }> {
  const text = await readText(`/proc/${pid}/net/dev`);
  const total = { rx: 0, tx: 0 };
  for (const line of (text ?? '').split('\n').slice(2)) {
    const [name, numbers] = line.split(':');
    if (name === undefined || numbers === undefined || name.trim() === 'lo') continue;
    const fields = numbers.trim().split(/\s+/);
    total.rx += Number(fields[0] ?? 0);
    total.tx += Number(fields[8] ?? 0);
  }
  return total;
}

function statField(text: string, name: string): number {
  for (const line of text.split('\n')) {
    if (line.startsWith(`${name} `)) return Number(line.slice(name.length + 1));
  }
  return 0;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENODEV') return undefined;
    throw error;
  }
}
