import { createHash } from 'node:crypto';
import type { Namespace, Pod } from '../../../api/core/v1/types.generated.ts';
import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../../api/networking/v1/types.generated.ts';
import { selectorOf } from '../../../machinery/labels.ts';
import { parseIpv4 } from '../ipv4.ts';

export type Direction = 'ingress' | 'egress';

/** What the policies come to for the pods of one node. */
export interface PolicyRules {
  /** Pod address -> the chain that decides on its traffic; a pod that no policy selects is not there. */
  readonly guarded: Readonly<Record<Direction, ReadonlyMap<string, string>>>;
  /** Chain name -> its rules in order. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Set name -> its declaration. */
  readonly sets: ReadonlyMap<string, string>;
}

export interface PolicyWorld {
  readonly policies: readonly NetworkPolicy[];
  /** Of the whole cluster. */
  readonly pods: readonly Pod[];
  readonly namespaces: readonly Namespace[];
  readonly nodeName: string;
}

/**
 * Pods that a policy selects reach, and are reached by, only what some policy of theirs allows; the rules are those of
 * networking.k8s.io/v1. Only what the node's own pods need is computed.
 */
export function policyRules(world: PolicyWorld): PolicyRules {
  return new PolicyCompiler(world).compile();
}

const protocols: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp']);

class PolicyCompiler {
  private readonly world: PolicyWorld;
  private readonly byNamespace: ReadonlyMap<string, readonly Pod[]>;
  private readonly chains = new Map<string, readonly string[]>();
  private readonly sets = new Map<string, string>();

  constructor(world: PolicyWorld) {
    this.world = world;
    this.byNamespace = Map.groupBy(world.pods.filter(hasOwnAddress), ({ metadata }) => metadata.namespace ?? '');
  }

  compile(): PolicyRules {
    const guarded = { ingress: new Map<string, string>(), egress: new Map<string, string>() };
    const chosen = { ingress: new Map<Pod, string[]>(), egress: new Map<Pod, string[]>() };
    for (const policy of this.world.policies) {
      const inNamespace = this.byNamespace.get(policy.metadata.namespace ?? '') ?? [];
      const selector = selectorOf(policy.spec.podSelector ?? {});
      const selected = inNamespace.filter(({ metadata }) => selector.matches(metadata.labels));
      const local = selected.filter(({ spec }) => spec?.nodeName === this.world.nodeName);
      if (local.length === 0) continue;
      for (const direction of directionsOf(policy)) {
        const chain = this.policyChain(policy, direction, local);
        for (const pod of local) {
          const chains = chosen[direction].get(pod);
          if (chains === undefined) chosen[direction].set(pod, [chain]);
          else chains.push(chain);
        }
      }
    }
    for (const direction of ['ingress', 'egress'] as const) {
      for (const [pod, chains] of chosen[direction]) {
        const name = `${direction}_${hashOf(chains.sort().join())}`;
        // What none of them accepts goes no further.
        this.chains.set(name, [...chains.map((chain) => `jump ${chain}`), 'drop']);
        guarded[direction].set(addressOf(pod), name);
      }
    }
    return { guarded, chains: this.chains, sets: this.sets };
  }

  private policyChain(policy: NetworkPolicy, direction: Direction, local: readonly Pod[]): string {
    const { uid = '', name, namespace = '' } = policy.metadata;
    const chain = `${direction === 'ingress' ? 'from' : 'to'}_${hashOf(`${uid}/${namespace}/${name}`)}`;
    const rules: string[] = [];
    const allowances =
      direction === 'ingress'
        ? (policy.spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
        : (policy.spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
    for (const { peers = [], ports = [] } of allowances) {
      const matches = peers.length === 0 ? [''] : peers.flatMap((peer) => this.peerMatch(peer, namespace, direction));
      // Where a named port stands is told by the pod that is connected to.
      const targets = direction === 'ingress' ? local : this.peerPods(peers, namespace);
      const portMatches = ports.length === 0 ? [''] : ports.flatMap((port) => this.portMatch(port, targets));
      for (const match of matches) {
        for (const port of portMatches) rules.push([match, port, 'accept'].filter((part) => part !== '').join(' '));
      }
    }
    this.chains.set(chain, rules);
    return chain;
  }

  private peerMatch(peer: NetworkPolicyPeer, namespace: string, direction: Direction): string[] {
    const side = direction === 'ingress' ? 'saddr' : 'daddr';
    if (peer.ipBlock !== undefined) {
      const { cidr, except = [] } = peer.ipBlock;
      if (!isIpv4(cidr)) return [];
      const others = except.filter(isIpv4);
      return [`ip ${side} ${cidr}${others.length === 0 ? '' : ` ip ${side} != { ${others.join(', ')} }`}`];
    }
    const addresses = this.selectedPods(peer, namespace).map(addressOf);
    if (addresses.length === 0) return [];
    return [`ip ${side} @${this.set('type ipv4_addr;', [...new Set(addresses)].sort())}`];
  }

  private peerPods(peers: readonly NetworkPolicyPeer[], namespace: string): Pod[] {
    if (peers.length === 0) return [...this.byNamespace.values()].flat();
    return peers.filter(({ ipBlock }) => ipBlock === undefined).flatMap((peer) => this.selectedPods(peer, namespace));
  }

  private selectedPods({ namespaceSelector, podSelector }: NetworkPolicyPeer, namespace: string): Pod[] {
    const selector = selectorOf(podSelector ?? {});
    const names =
      namespaceSelector === undefined
        ? [namespace]
        : this.world.namespaces
            .filter(({ metadata }) => selectorOf(namespaceSelector).matches(metadata.labels))
            .map(({ metadata }) => metadata.name);
    return names.flatMap((name) =>
      (this.byNamespace.get(name) ?? []).filter(({ metadata }) => selector.matches(metadata.labels)),
    );
  }

  private portMatch({ port, endPort, protocol = 'TCP' }: NetworkPolicyPort, targets: readonly Pod[]): string[] {
    const of = protocol.toLowerCase();
    if (!protocols.has(of)) return [];
    if (port === undefined) return [`meta l4proto ${of}`];
    if (typeof port === 'number') return [`${of} dport ${endPort === undefined ? port : `${port}-${endPort}`}`];
    const elements = targets.flatMap((pod) =>
      numbersOf(pod, port, protocol).map((number) => `${addressOf(pod)} . ${of} . ${number}`),
    );
    if (elements.length === 0) return [];
    const name = this.set('type ipv4_addr . inet_proto . inet_service;', [...new Set(elements)].sort());
    return [`ip daddr . meta l4proto . th dport @${name}`];
  }

  /** Equal sets are one. */
  private set(type: string, elements: readonly string[]): string {
    const declaration = `${type} elements = { ${elements.join(', ')} };`;
    const name = `s_${hashOf(declaration)}`;
    this.sets.set(name, declaration);
    return name;
  }
}

function directionsOf({ spec }: NetworkPolicy): Direction[] {
  const types = spec.policyTypes ?? ['Ingress', ...(spec.egress === undefined ? [] : ['Egress'])];
  return [
    ...(types.includes('Ingress') ? (['ingress'] as const) : []),
    ...(types.includes('Egress') ? (['egress'] as const) : []),
  ];
}

/** Pods on the host's network are their node, which policies do not speak of. */
function hasOwnAddress({ spec, status }: Pod): boolean {
  if (spec?.hostNetwork === true || status?.phase === 'Succeeded' || status?.phase === 'Failed') return false;
  return parseIpv4(status?.podIP ?? '') !== undefined;
}

function addressOf({ status }: Pod): string {
  return status?.podIP ?? '';
}

function numbersOf({ spec }: Pod, name: string, protocol: string): number[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...(spec?.containers ?? []), ...sidecars]
    .flatMap(({ ports = [] }) => ports)
    .filter((port) => port.name === name && (port.protocol ?? 'TCP') === protocol)
    .map(({ containerPort }) => containerPort);
}

function isIpv4(cidr: string): boolean {
  return parseIpv4(cidr.split('/')[0] ?? '') !== undefined;
}

function hashOf(text: string): string {
  return createHash('sha1').update(text).digest('hex').slice(0, 16);
}
