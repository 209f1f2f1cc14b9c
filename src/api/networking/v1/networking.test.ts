import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { fieldErrorMessage } from '../../../machinery/status-error.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { ingressResource } from './ingress.ts';
import { networkPolicyResource } from './networkpolicy.ts';
import type { IngressSpec, NetworkPolicySpec } from './types.generated.ts';

function made({ strategy, kind }: ResourceDefinition, spec: object): UnknownObject {
  const object: UnknownObject = { apiVersion: 'networking.k8s.io/v1', kind, metadata: { name: 'x' }, spec };
  strategy.applyDefaults(object);
  strategy.prepareForCreate(object);
  return object;
}

const errorsOf = (row: ResourceDefinition, spec: object): string[] =>
  row.strategy.validate(made(row, spec)).map((error) => `${error.field}: ${fieldErrorMessage(error)}`);

const cell = (row: ResourceDefinition, name: string, object: UnknownObject): unknown =>
  row.columns.find((column) => column.name === name)?.value(object, 0);

const backend = { service: { name: 'web', port: { number: 80 } } };

describe('network policy', () => {
  it('concerns ingress, and egress when it has rules for it', () => {
    assert.deepEqual(made(networkPolicyResource, {})['spec'], { podSelector: {}, policyTypes: ['Ingress'] });
    const both = made(networkPolicyResource, { egress: [{ ports: [{ port: 53 }] }] })['spec'] as NetworkPolicySpec;
    assert.deepEqual(both.policyTypes, ['Ingress', 'Egress']);
    assert.deepEqual(both.egress?.[0]?.ports, [{ port: 53, protocol: 'TCP' }]);
  });

  const cases: [spec: NetworkPolicySpec, error: string][] = [
    [{ ingress: [{ from: [{}] }] }, 'spec.ingress[0].from[0]: Required value: must specify a peer'],
    [
      { ingress: [{ from: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] },
      'spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer',
    ],
    [
      { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }] }] },
      'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
    ],
    [
      { ingress: [{ ports: [{ port: 90, endPort: 80 }] }] },
      'spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`',
    ],
  ];
  for (const [spec, error] of cases) {
    it(`is refused with ${error}`, () => {
      assert.deepEqual(errorsOf(networkPolicyResource, spec), [error]);
    });
  }
});

describe('ingress', () => {
  it('shows hosts and ports', () => {
    const rule = (host: string): object => ({ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } });
    const object = made(ingressResource, { tls: [{}], rules: ['a.io', 'b.io', 'c.io', 'd.io'].map(rule) });
    assert.deepEqual(ingressResource.strategy.validate(object), []);
    assert.equal(cell(ingressResource, 'Hosts', object), 'a.io,b.io,c.io + 1 more...');
    assert.equal(cell(ingressResource, 'Ports', object), '80, 443');
    assert.equal(cell(ingressResource, 'Class', object), '<none>');
  });

  const path = (change: object): IngressSpec => ({
    rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend, ...change }] } }],
  });
  const cases: [spec: IngressSpec, error: string][] = [
    [{}, 'spec: Invalid value: []: either `defaultBackend` or `rules` must be specified'],
    [path({ path: 'x' }), 'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path'],
    [
      path({ backend: {} }),
      'spec.rules[0].http.paths[0].backend: Required value: resource or service backend is required',
    ],
    [
      path({ pathType: 'Glob' }),
      'spec.rules[0].http.paths[0].pathType: Unsupported value: "Glob": supported values: "Exact", "ImplementationSpecific", "Prefix"',
    ],
    [
      { ...path({}), ...{ rules: [{ host: '10.0.0.1', ...path({}).rules?.[0] }] } },
      'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
    ],
  ];
  for (const [spec, error] of cases) {
    it(`is refused with ${error}`, () => {
      assert.deepEqual(errorsOf(ingressResource, spec), [error]);
    });
  }
});
