import { statfs } from 'node:fs/promises';
import type { HostUsage } from '../../api/fleet/v1/host.ts';
import { readText, virtualInterfaces } from './host-facts.ts';

/** Counters that only rise. */
interface Counters {
  /** In ticks, of all CPUs. */
  readonly cpuBusy: number;
  readonly cpuTotal: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** ms */
  readonly at: number;
}

/** How busy this machine is; rates are means since the last time it was asked. */
export class UsageMeter {
  readonly #directory: string;
  #last: Counters | undefined;

  /** `directory` is on the file system whose fill is told. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(): Promise<HostUsage> {
    const [stat, network, memory, load, disk] = await Promise.all([
      readText('/proc/stat'),
      readText('/proc/net/dev'),
      readText('/proc/meminfo'),
      readText('/proc/loadavg'),
      statfs(this.#directory),
    ]);
    const counters: Counters = { ...parseCpu(stat), ...parseNetwork(network), at: performance.now() };
    const last = this.#last;
    this.#last = counters;
    return {
      ...(last === undefined ? {} : rates(last, counters)),
      memoryPercent: memoryPercent(memory),
      diskPercent: disk.blocks === 0 ? 0 : Math.round(100 * (1 - disk.bavail / disk.blocks)),
      load: load.split(' ')[0] ?? '',
    };
  }
}

/** Counters that went back (an interface that is gone) count as no change. */
export function rates(from: Counters, to: Counters): HostUsage {
  const seconds = Math.max((to.at - from.at) / 1000, 0.001);
  const ticks = to.cpuTotal - from.cpuTotal;
  const perSecond = (before: number, now: number): number => Math.max(0, Math.round((now - before) / seconds));
  return {
    cpuPercent: ticks <= 0 ? 0 : clampPercent((100 * (to.cpuBusy - from.cpuBusy)) / ticks),
    receivedBytesPerSecond: perSecond(from.receivedBytes, to.receivedBytes),
    sentBytesPerSecond: perSecond(from.sentBytes, to.sentBytes),
  };
}

/** `/proc/stat`: user nice system idle iowait irq softirq steal; guests are in user already. */
export function parseCpu(stat: string): { cpuBusy: number; cpuTotal: number } {
  const numbers = /^cpu +([\d ]+)$/m.exec(stat)?.[1]?.split(' ').map(Number).slice(0, 8) ?? [];
  const cpuTotal = numbers.reduce((sum, value) => sum + value, 0);
  return { cpuTotal, cpuBusy: cpuTotal - (numbers[3] ?? 0) - (numbers[4] ?? 0) };
}

/** `/proc/net/dev`, the sum of what leads outside. */
export function parseNetwork(text: string): { receivedBytes: number; sentBytes: number } {
  let [receivedBytes, sentBytes] = [0, 0];
  for (const line of text.split('\n')) {
    const [name, counters] = line.trim().split(/: */);
    if (name === undefined || counters === undefined || virtualInterfaces.test(name)) continue;
    const fields = counters.split(/ +/).map(Number);
    receivedBytes += fields[0] ?? 0;
    sentBytes += fields[8] ?? 0;
  }
  return { receivedBytes, sentBytes };
}

function memoryPercent(text: string): number {
  const total = Number(/^MemTotal: +(\d+)/m.exec(text)?.[1] ?? 0);
  const available = Number(/^MemAvailable: +(\d+)/m.exec(text)?.[1] ?? 0);
  return total === 0 ? 0 : clampPercent(100 * (1 - available / total));
}

function clampPercent(value: number): number {
  return Math.min(100, Math.max(0, Math.round(value)));
}
