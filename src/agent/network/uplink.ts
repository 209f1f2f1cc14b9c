import { runCommand } from './commands.ts';

/** How this machine reaches the rest of the world. */
export interface Uplink {
  readonly device: string | undefined;
  readonly mtu: number;
  /** The address other machines know it by; empty when it has none. */
  readonly address: string;
}

interface RouteRow {
  readonly dev?: string;
  readonly prefsrc?: string;
}

interface LinkRow {
  readonly ifname: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly family: string; readonly scope: string; readonly local: string }[];
}

const mtuDefault = 1500;

/** The device of the default route, or the first one with a global address. */
export async function findUplink(): Promise<Uplink> {
  const [routes, links] = await Promise.all([
    runJson<RouteRow[]>(['-4', 'route', 'show', 'default']),
    runJson<LinkRow[]>(['-4', 'addr', 'show']),
  ]);
  const route = routes[0];
  const addressed = links.filter((link) => !link.flags.includes('LOOPBACK') && globalAddress(link) !== undefined);
  const link = addressed.find(({ ifname }) => ifname === route?.dev) ?? addressed[0];
  if (link === undefined) return { device: undefined, mtu: mtuDefault, address: '' };
  return { device: link.ifname, mtu: link.mtu, address: route?.prefsrc ?? globalAddress(link) ?? '' };
}

function globalAddress(link: LinkRow): string | undefined {
  return link.addr_info.find(({ family, scope }) => family === 'inet' && scope === 'global')?.local;
}

async function runJson<T>(args: readonly string[]): Promise<T> {
  const output = await runCommand('ip', ['-j', ...args]);
  return JSON.parse(output === '' ? '[]' : output) as T;
}
