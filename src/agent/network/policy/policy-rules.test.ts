import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Namespace, Pod } from '../../../api/core/v1/types.generated.ts';
import type { NetworkPolicy, NetworkPolicySpec } from '../../../api/networking/v1/types.generated.ts';
import { policyRules } from './policy-rules.ts';

function pod(name: string, podIP: string, app: string, namespace = 'a', nodeName = 'here'): Pod {
  const containers = [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }];
  const metadata = { name, namespace, labels: { app } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { nodeName, containers },
    status: { podIP, phase: 'Running' },
  };
}

const pods = [
  pod('web', '10.0.0.2', 'web'),
  pod('db', '10.0.0.3', 'db'),
  pod('far', '10.0.1.2', 'web', 'a', 'there'),
  pod('other', '10.0.0.4', 'web', 'b'),
];
const namespaces: Namespace[] = ['a', 'b'].map((name) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { team: name } },
  spec: {},
}));

function policy(name: string, spec: NetworkPolicySpec): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: 'a', uid: name },
    spec,
  };
}

/** The rules that decide on a pod's traffic, sets written out. */
function rulesFor(
  address: string,
  direction: 'ingress' | 'egress',
  ...policies: NetworkPolicy[]
): string[] | undefined {
  const { guarded, chains, sets } = policyRules({ policies, pods, namespaces, nodeName: 'here' });
  const chain = guarded[direction].get(address);
  if (chain === undefined) return undefined;
  return (chains.get(chain) ?? []).flatMap((rule) => {
    const [verb, target = ''] = rule.split(' ');
    const rules = verb === 'jump' ? (chains.get(target) ?? []) : [rule];
    return rules.map((one) =>
      one.replace(/@(\w+)/g, (_all, set: string) => /\{.*\}/.exec(sets.get(set) ?? '')?.[0] ?? ''),
    );
  });
}

describe('network policies', () => {
  const db = { podSelector: { matchLabels: { app: 'db' } } };

  it('leave pods alone that none selects, and those of other nodes', () => {
    assert.equal(rulesFor('10.0.0.2', 'ingress', policy('p', db)), undefined);
    const all = policy('p', { podSelector: {}, policyTypes: ['Ingress'] });
    assert.deepEqual(rulesFor('10.0.0.3', 'ingress', all), ['drop']);
    assert.equal(rulesFor('10.0.0.3', 'egress', all), undefined);
    assert.equal(rulesFor('10.0.1.2', 'ingress', all), undefined);
  });

  it('add up', () => {
    const one = policy('1', { ...db, ingress: [{ ports: [{ port: 1 }] }] });
    const two = policy('2', { ...db, ingress: [{ ports: [{ port: 2, protocol: 'UDP' }] }] });
    const rules = rulesFor('10.0.0.3', 'ingress', one, two) ?? [];
    assert.deepEqual(rules.sort(), ['drop', 'tcp dport 1 accept', 'udp dport 2 accept']);
  });

  const from = (...peers: object[]): NetworkPolicy => policy('p', { ...db, ingress: [{ from: peers }] });
  const web = { podSelector: { matchLabels: { app: 'web' } } };
  const cases: [what: string, of: NetworkPolicy, rules: string[]][] = [
    ['know pods of the same namespace', from(web), ['ip saddr { 10.0.0.2, 10.0.1.2 } accept']],
    [
      'know whole namespaces',
      from({ namespaceSelector: { matchLabels: { team: 'b' } } }),
      ['ip saddr { 10.0.0.4 } accept'],
    ],
    [
      'know pods of namespaces',
      from({ namespaceSelector: {}, ...web }),
      ['ip saddr { 10.0.0.2, 10.0.0.4, 10.0.1.2 } accept'],
    ],
    [
      'know blocks without parts of them',
      from({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }),
      ['ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16 } accept'],
    ],
    ['let nobody in through a peer without pods', from({ podSelector: { matchLabels: { app: 'none' } } }), []],
  ];
  for (const [what, of, rules] of cases) {
    it(what, () => assert.deepEqual(rulesFor('10.0.0.3', 'ingress', of), [...rules, 'drop']));
  }

  it('know ports by number, range and name', () => {
    const ports = [{ port: 80 }, { port: 90, endPort: 99 }, { port: 'http' }, { protocol: 'UDP' }];
    assert.deepEqual(rulesFor('10.0.0.3', 'ingress', policy('p', { ...db, ingress: [{ ports }] })), [
      'tcp dport 80 accept',
      'tcp dport 90-99 accept',
      'ip daddr . meta l4proto . th dport { 10.0.0.3 . tcp . 8080 } accept',
      'meta l4proto udp accept',
      'drop',
    ]);
  });

  it('resolve a named port of egress by the pods that are connected to', () => {
    const egress = [{ to: [web], ports: [{ port: 'http' }] }];
    assert.deepEqual(rulesFor('10.0.0.3', 'egress', policy('p', { ...db, egress })), [
      'ip daddr { 10.0.0.2, 10.0.1.2 } ip daddr . meta l4proto . th dport { 10.0.0.2 . tcp . 8080, 10.0.1.2 . tcp . 8080 } accept',
      'drop',
    ]);
  });
});
