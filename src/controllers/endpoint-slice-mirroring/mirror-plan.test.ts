import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Endpoints, Service } from '../../api/core/v1/types.generated.ts';
import { isMirrored, planMirror } from './mirror-plan.ts';

const service: Service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'db', namespace: 'a' }, spec: {} };

function endpoints(ips: string[], labels: Record<string, string> = {}): Endpoints {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'db', namespace: 'a', uid: 'u', labels },
    subsets: [{ addresses: ips.map((ip) => ({ ip })), ports: [{ port: 5432 }] }],
  };
}

describe('mirroring of endpoints', () => {
  it('is for services without selectors that do not say otherwise', () => {
    assert.equal(isMirrored(endpoints([]), service), true);
    assert.equal(isMirrored(endpoints([]), undefined), false);
    assert.equal(isMirrored(endpoints([]), { ...service, spec: { selector: { app: 'db' } } }), false);
    assert.equal(isMirrored(endpoints([], { 'endpointslice.kubernetes.io/skip-mirror': 'true' }), service), false);
  });

  it('makes a slice of each family, and leaves it when nothing changes', () => {
    const { create } = planMirror(endpoints(['10.0.0.1', 'fd00::1']), []);
    assert.deepEqual(
      create.map(({ addressType, endpoints: made }) => [addressType, made?.[0]?.addresses[0]]),
      [
        ['IPv4', '10.0.0.1'],
        ['IPv6', 'fd00::1'],
      ],
    );
    assert.deepEqual(planMirror(endpoints(['10.0.0.1', 'fd00::1']), create), { create: [], update: [], remove: [] });
  });

  it('follows addresses, and removes what is no longer said', () => {
    const { create } = planMirror(endpoints(['10.0.0.1', 'fd00::1']), []);
    const plan = planMirror(endpoints(['10.0.0.2']), create);
    assert.deepEqual(plan.update[0]?.endpoints?.[0]?.addresses, ['10.0.0.2']);
    assert.equal(plan.remove[0]?.addressType, 'IPv6');
  });
});
