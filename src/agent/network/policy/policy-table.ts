import { bridgeName, policyTable } from '../names.ts';
import type { PolicyRules } from './policy-rules.ts';

export interface PolicyTableOptions {
  /** Names are looked up whatever the policies say: this node's DNS is no pod that a policy could name. */
  readonly clusterDnsIp: string;
}

/**
 * The whole table, replaced in one transaction. Two chains on the way of forwarded packets, so that what may leave one
 * pod must still be let in by the other; a third for what pods send to this node itself. What the node sends to its own
 * pods (probes) passes none of them. Addresses are those of pods: services are translated before.
 */
export function policyTableScript(
  { guarded, chains, sets }: PolicyRules,
  { clusterDnsIp }: PolicyTableOptions,
): string {
  const verdicts = (map: ReadonlyMap<string, string>): string =>
    map.size === 0
      ? ''
      : `elements = { ${[...map].map(([address, chain]) => `${address} : jump ${chain}`).join(', ')} };`;
  const self = [...new Set([...guarded.ingress.keys(), ...guarded.egress.keys()])].map((ip) => `${ip} . ${ip}`);
  const lines = [
    ...removalLines(),
    `table ip ${policyTable} {`,
    ...[...sets].map(([name, declaration]) => `  set ${name} { ${declaration} }`),
    `  set self { type ipv4_addr . ipv4_addr; ${self.length === 0 ? '' : `elements = { ${self.join(', ')} };`} }`,
    ...[...chains].map(([name, rules]) => `  chain ${name} { ${rules.map((rule) => `${rule};`).join(' ')} }`),
    `  map leaving { type ipv4_addr : verdict; ${verdicts(guarded.egress)} }`,
    `  map entering { type ipv4_addr : verdict; ${verdicts(guarded.ingress)} }`,
    '  chain egress {',
    '    type filter hook forward priority filter - 7; policy accept;',
    '    ct state established,related accept',
    // A pod cannot be kept from itself.
    '    ip saddr . ip daddr @self accept',
    `    iifname "${bridgeName}" ip saddr vmap @leaving`,
    '  }',
    '  chain ingress {',
    '    type filter hook forward priority filter - 6; policy accept;',
    '    ct state established,related accept',
    '    ip saddr . ip daddr @self accept',
    '    ip daddr vmap @entering',
    '  }',
    '  chain to_node {',
    '    type filter hook input priority filter - 7; policy accept;',
    '    ct state established,related accept',
    `    ip daddr ${clusterDnsIp} meta l4proto { tcp, udp } th dport 53 accept`,
    `    iifname "${bridgeName}" ip saddr vmap @leaving`,
    '  }',
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

export function noPolicyTableScript(): string {
  return `${removalLines().join('\n')}\n`;
}

function removalLines(): string[] {
  return [`add table ip ${policyTable}`, `delete table ip ${policyTable}`];
}
