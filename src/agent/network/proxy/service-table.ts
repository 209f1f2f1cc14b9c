import { serviceTable } from '../names.ts';
import type { ServiceRules } from './rules.ts';

/** The bit that asks for masquerading; upstream's. */
const masqueradeMark = '0x4000';

export interface ServiceTableOptions {
  readonly serviceCidr: string;
  /** Answered on this node; never translated or refused. */
  readonly clusterDnsIp: string;
}

/** A table without services: the hooks, and the maps they look into. */
export function emptyTableScript({ serviceCidr, clusterDnsIp }: ServiceTableOptions): string {
  return `add table ip ${serviceTable}
delete table ip ${serviceTable}
table ip ${serviceTable} {
  map service_ips { type ipv4_addr . inet_proto . inet_service : verdict; }
  map service_node_ports { type inet_proto . inet_service : verdict; }
  map refused_ips { type ipv4_addr . inet_proto . inet_service : verdict; }
  map refused_node_ports { type inet_proto . inet_service : verdict; }
  chain refuse { reject; }
  chain mark_masquerade { meta mark set meta mark | ${masqueradeMark}; }
  chain services {
    ip daddr . meta l4proto . th dport vmap @service_ips
    ip daddr != ${clusterDnsIp} fib daddr type local meta l4proto . th dport vmap @service_node_ports
  }
  chain refusals {
    ip daddr . meta l4proto . th dport vmap @refused_ips
    fib daddr type local meta l4proto . th dport vmap @refused_node_ports
    ip daddr ${serviceCidr} fib daddr type != local reject
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    jump services
  }
  chain nat_output {
    type nat hook output priority -100; policy accept;
    jump services
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    meta mark & ${masqueradeMark} != 0 meta mark set meta mark & 0xffffbfff masquerade
  }
  chain input {
    type filter hook input priority filter - 10; policy accept;
    ct state new jump refusals
  }
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    ct state new jump refusals
  }
  chain output {
    type filter hook output priority filter - 10; policy accept;
    ct state new jump refusals
  }
}
`;
}

/** A service's rules before and after; undefined for none. */
export interface RulesChange {
  readonly before: ServiceRules | undefined;
  readonly after: ServiceRules | undefined;
}

/** The commands that lead from before to after, in an order in which each finds what it refers to. */
export function changeScript(changes: readonly RulesChange[]): string {
  const script = new ScriptParts();
  for (const { before, after } of changes) {
    addElementChanges(script, before, after);
    addSetChanges(script, before, after);
    addChainChanges(script, before, after);
  }
  return script.toString();
}

class ScriptParts {
  readonly removedElements: string[] = [];
  readonly declarations: string[] = [];
  readonly rules: string[] = [];
  readonly addedElements: string[] = [];
  readonly flushes: string[] = [];
  readonly removals: string[] = [];

  toString(): string {
    const lines = [
      ...this.removedElements,
      ...this.declarations,
      ...this.rules,
      ...this.flushes,
      ...this.addedElements,
      ...this.removals,
    ];
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  }
}

type Rules = ServiceRules | undefined;

function addElementChanges(script: ScriptParts, before: Rules, after: Rules): void {
  for (const [element, verdict] of before?.elements ?? []) {
    if (after?.elements.get(element) === verdict) continue;
    const [map, key] = splitElement(element);
    script.removedElements.push(`delete element ip ${serviceTable} ${map} { ${key} }`);
  }
  for (const [element, verdict] of after?.elements ?? []) {
    if (before?.elements.get(element) === verdict) continue;
    const [map, key] = splitElement(element);
    script.addedElements.push(`add element ip ${serviceTable} ${map} { ${key} : ${verdict} }`);
  }
}

function addSetChanges(script: ScriptParts, before: Rules, after: Rules): void {
  for (const [name, declaration] of after?.sets ?? []) {
    const known = before?.sets.get(name);
    if (known === undefined) script.declarations.push(`add set ip ${serviceTable} ${name} { ${declaration} }`);
  }
  for (const name of before?.sets.keys() ?? []) {
    if (after?.sets.has(name) !== true) script.removals.push(`delete set ip ${serviceTable} ${name}`);
  }
}

function addChainChanges(script: ScriptParts, before: Rules, after: Rules): void {
  for (const name of before?.chains.keys() ?? []) {
    if (after?.chains.has(name) === true) continue;
    script.flushes.push(`flush chain ip ${serviceTable} ${name}`);
    script.removals.unshift(`delete chain ip ${serviceTable} ${name}`);
  }
  for (const [name, rules] of after?.chains ?? []) {
    const known = before?.chains.get(name);
    if (known !== undefined && sameRules(known, rules)) continue;
    if (known === undefined) script.declarations.push(`add chain ip ${serviceTable} ${name}`);
    else script.declarations.push(`flush chain ip ${serviceTable} ${name}`);
    for (const rule of rules) script.rules.push(`add rule ip ${serviceTable} ${name} ${rule}`);
  }
}

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((rule, i) => rule === b[i]);
}

function splitElement(element: string): [map: string, key: string] {
  const space = element.indexOf(' ');
  return [element.slice(0, space), element.slice(space + 1)];
}
