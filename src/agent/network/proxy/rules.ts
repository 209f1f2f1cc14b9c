import type { ServicePort, Target } from './service-port.ts';

export type VerdictMap = 'service_ips' | 'service_node_ports' | 'refused_ips' | 'refused_node_ports';

/** What one service puts into the table. */
export interface ServiceRules {
  /** Name -> its rules in order. */
  readonly chains: Map<string, readonly string[]>;
  /** Name -> its declaration. */
  readonly sets: Map<string, string>;
  /** `map key` -> verdict. */
  readonly elements: Map<string, string>;
}

export interface RulesOptions {
  readonly podCidr: string;
}

/** A chain for a port and a scope; which one a packet takes is told by maps. */
export function serviceRules(ports: readonly ServicePort[], options: RulesOptions): ServiceRules {
  const rules: ServiceRules = { chains: new Map(), sets: new Map(), elements: new Map() };
  for (const port of ports) addPort(rules, port, options);
  return rules;
}

function addPort(rules: ServiceRules, port: ServicePort, options: RulesOptions): void {
  addAffinity(rules, port);
  const everywhere = `svc_${port.id}`;
  const here = `loc_${port.id}`;
  if (port.endpoints.length > 0) rules.chains.set(everywhere, balance(port, port.endpoints));
  if ((port.internalLocal || port.externalLocal) && port.localEndpoints.length > 0) {
    rules.chains.set(here, balance(port, port.localEndpoints));
  }
  for (const ip of port.clusterIps) addInternal(rules, port, ip);
  addExternal(rules, port, options);
}

/** Traffic to the cluster IP. */
function addInternal(rules: ServiceRules, port: ServicePort, ip: string): void {
  const key = `${ip} . ${port.protocol} . ${port.port}`;
  if (port.endpoints.length === 0) element(rules, 'refused_ips', key, 'goto refuse');
  else if (!port.internalLocal) element(rules, 'service_ips', key, `goto svc_${port.id}`);
  else if (port.localEndpoints.length > 0) element(rules, 'service_ips', key, `goto loc_${port.id}`);
  else element(rules, 'refused_ips', key, 'drop');
}

/** Traffic to external addresses, load balancers' addresses and the node port. */
function addExternal(rules: ServiceRules, port: ServicePort, { podCidr }: RulesOptions): void {
  const ips = [...port.externalIps, ...port.loadBalancerIps];
  if (ips.length === 0 && port.nodePort === 0) return;
  const chain = `ext_${port.id}`;
  const guarded = `lb_${port.id}`;
  const served = port.endpoints.length > 0;
  if (served) rules.chains.set(chain, externalChain(port, podCidr));
  const ranged = served && port.sourceRanges.length > 0 && port.loadBalancerIps.length > 0;
  if (ranged) {
    rules.chains.set(guarded, [`ip saddr != { ${port.sourceRanges.join(', ')} } drop`, `goto ${chain}`]);
  }
  const refusal = served && port.externalLocal && port.localEndpoints.length === 0 ? 'drop' : 'goto refuse';
  const add = (scope: 'ips' | 'node_ports', key: string, target: string): void => {
    if (served) element(rules, `service_${scope}`, key, `goto ${target}`);
    if (!served || refusal === 'drop') element(rules, `refused_${scope}`, key, refusal);
  };
  const end = `${port.protocol} . ${port.port}`;
  for (const ip of port.externalIps) add('ips', `${ip} . ${end}`, chain);
  for (const ip of port.loadBalancerIps) add('ips', `${ip} . ${end}`, ranged ? guarded : chain);
  if (port.nodePort > 0) add('node_ports', `${port.protocol} . ${port.nodePort}`, chain);
}

/**
 * With policy Cluster the caller's address gives way to the node's, since the endpoint may be elsewhere. With Local it
 * is kept, and callers inside the cluster reach every endpoint all the same.
 */
function externalChain(port: ServicePort, podCidr: string): string[] {
  const everywhere = `goto svc_${port.id}`;
  if (!port.externalLocal) return ['jump mark_masquerade', everywhere];
  const internal = [
    `ip saddr ${podCidr} ${everywhere}`,
    'fib saddr type local jump mark_masquerade',
    `fib saddr type local ${everywhere}`,
  ];
  return port.localEndpoints.length === 0 ? internal : [...internal, `goto loc_${port.id}`];
}

function balance(port: ServicePort, targets: readonly Target[]): string[] {
  const count = targets.length;
  if (port.affinitySeconds === 0) {
    const entries = targets.map(({ address, port: number }, i) => `${i} : ${address} . ${number}`);
    return [`meta l4proto ${port.protocol} dnat ip to numgen random mod ${count} map { ${entries.join(', ')} }`];
  }
  const names = targets.map((target) => endpointName(port, target));
  return [
    ...names.map((name) => `ip saddr @aff_${name} goto ep_${name}`),
    `numgen random mod ${count} vmap { ${names.map((name, i) => `${i} : goto ep_${name}`).join(', ')} }`,
  ];
}

/** With affinity every endpoint keeps the set of callers that belong to it. */
function addAffinity(rules: ServiceRules, port: ServicePort): void {
  if (port.affinitySeconds === 0) return;
  for (const target of new Set([...port.endpoints, ...port.localEndpoints])) {
    const name = endpointName(port, target);
    rules.sets.set(`aff_${name}`, `type ipv4_addr; flags dynamic,timeout; timeout ${port.affinitySeconds}s;`);
    rules.chains.set(`ep_${name}`, [
      `update @aff_${name} { ip saddr }`,
      `meta l4proto ${port.protocol} dnat to ${target.address}:${target.port}`,
    ]);
  }
}

/** The time is part of the name since a set cannot change it. */
function endpointName({ id, affinitySeconds }: ServicePort, { address, port }: Target): string {
  return `${id}_${affinitySeconds}_${address.replaceAll('.', '_')}_${port}`;
}

function element(rules: ServiceRules, map: VerdictMap, key: string, verdict: string): void {
  rules.elements.set(`${map} ${key}`, verdict);
}
