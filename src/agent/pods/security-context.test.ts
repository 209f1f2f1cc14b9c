import assert from 'node:assert/strict';
import { test } from 'node:test';
import { qosClassOf } from '../../api/core/v1/pod-qos.ts';
import type { Container, Pod, PodSpec } from '../../api/core/v1/types.generated.ts';
import type { RuntimeImage } from '../runtime/contract.ts';
import { linuxResources } from './resources.ts';
import { linuxSecurity } from './security-context.ts';

const image = (user: string): RuntimeImage => ({
  id: 'i',
  repoTags: [],
  repoDigests: [],
  sizeBytes: 0,
  user,
  stopSignal: '',
});
const pod = (spec: Partial<PodSpec>): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'ns', uid: 'u' },
  spec: { containers: [], ...spec },
});
const nonRoot = pod({ securityContext: { runAsNonRoot: true } });
const where = '(pod: "p_ns(u)", container: c)';

const refusals: [string, Container, string, string][] = [
  ['an image of root', { name: 'c' }, '', `container has runAsNonRoot and image will run as root ${where}`],
  [
    'an image with a named user',
    { name: 'c' },
    'web:web',
    `container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root ${where}`,
  ],
  [
    'a user of 0',
    { name: 'c', securityContext: { runAsUser: 0 } },
    '',
    `container's runAsUser breaks non-root policy ${where}`,
  ],
];

for (const [name, container, user, message] of refusals) {
  test(`runAsNonRoot refuses ${name}`, () => {
    assert.throws(() => linuxSecurity(nonRoot, container, image(user), '/s'), { message });
  });
}

test('a container setting goes before the pod setting', () => {
  const described = pod({ securityContext: { runAsUser: 5, runAsGroup: 6, fsGroup: 7, supplementalGroups: [8] } });
  const security = linuxSecurity(described, { name: 'c', securityContext: { runAsUser: 9 } }, image(''), '/s');
  assert.deepEqual([security.runAsUser, security.runAsGroup, security.supplementalGroups], [9, 6, [8, 7]]);
});

const withResources = (requests: Record<string, string>, limits: Record<string, string>): Container => ({
  name: 'c',
  resources: { requests, limits },
});

const classes: [string, Container, string, number][] = [
  ['no resources', { name: 'c' }, 'BestEffort', 1000],
  ['equal limits', withResources({ cpu: '1', memory: '1Gi' }, { cpu: '1', memory: '1Gi' }), 'Guaranteed', -997],
  ['limits alone', withResources({}, { cpu: '1', memory: '1Gi' }), 'Guaranteed', -997],
  ['half of the memory', withResources({ memory: '1Gi' }, {}), 'Burstable', 500],
];

for (const [name, container, qos, score] of classes) {
  test(`${name} is ${qos} with an OOM score of ${score}`, () => {
    const described = pod({ containers: [container] });
    assert.equal(qosClassOf(described.spec ?? { containers: [] }), qos);
    assert.equal(linuxResources(described, container, 2 * 1024 ** 3).oomScoreAdj, score);
  });
}

test('CPU becomes shares by request and quota by limit', () => {
  const container = withResources({ cpu: '250m' }, { cpu: '500m', memory: '64Mi' });
  const resources = linuxResources(pod({ containers: [container] }), container, 1e9);
  assert.deepEqual(
    [resources.cpuShares, resources.cpuQuotaMicros, resources.memoryLimitBytes],
    [256, 50_000, 64 * 1024 * 1024],
  );
});
