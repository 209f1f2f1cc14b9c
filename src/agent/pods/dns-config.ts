import type { Pod } from '../../api/core/v1/types.generated.ts';

export interface ResolvConf {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface ClusterDns {
  readonly ip: string;
  readonly domain: string;
}

const nameserversMax = 3;
const searchesMax = 32;

export function parseResolvConf(text: string): ResolvConf {
  const found = { nameservers: [] as string[], searches: [] as string[], options: [] as string[] };
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === 'nameserver' && rest[0] !== undefined) found.nameservers.push(rest[0]);
    if (word === 'search') found.searches = rest.map((name) => (name === '.' ? name : name.replace(/\.$/, '')));
    if (word === 'options') found.options = rest;
  }
  return found;
}

/** What a pod's resolver is told, by its dnsPolicy and dnsConfig. */
export function podDns(pod: Pod, host: ResolvConf, cluster: ClusterDns | undefined): ResolvConf {
  const base = baseDns(pod, host, cluster);
  const extra = pod.spec?.dnsConfig;
  if (extra === undefined) return base;
  return {
    nameservers: unique([...base.nameservers, ...(extra.nameservers ?? [])]).slice(0, nameserversMax),
    searches: unique([...base.searches, ...(extra.searches ?? [])]).slice(0, searchesMax),
    options: mergeOptions(base.options, extra.options ?? []),
  };
}

function baseDns(pod: Pod, host: ResolvConf, cluster: ClusterDns | undefined): ResolvConf {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'None') return { nameservers: [], searches: [], options: [] };
  const wantsCluster =
    policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && pod.spec?.hostNetwork !== true);
  if (!wantsCluster || cluster === undefined) return host;
  const { domain } = cluster;
  const own = [`${pod.metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain];
  return {
    nameservers: [cluster.ip],
    searches: unique([...own, ...host.searches]).slice(0, searchesMax),
    options: ['ndots:5'],
  };
}

function mergeOptions(base: readonly string[], extra: readonly { name?: string; value?: string }[]): string[] {
  const merged = new Map(base.map((option) => [option.split(':')[0] ?? option, option]));
  for (const { name, value } of extra) {
    if (name === undefined) continue;
    merged.set(name, value === undefined || value === '' ? name : `${name}:${value}`);
  }
  return [...merged.values()];
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}

export function formatResolvConf(dns: ResolvConf): string {
  const lines: string[] = [];
  if (dns.searches.length > 0) lines.push(`search ${dns.searches.join(' ')}`);
  for (const nameserver of dns.nameservers) lines.push(`nameserver ${nameserver}`);
  if (dns.options.length > 0) lines.push(`options ${dns.options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}
