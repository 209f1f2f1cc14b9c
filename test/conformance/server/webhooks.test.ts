/** What holds of webhooks whose server never answers; those that answer are in test/e2e/admission.test.ts. */
import assert from 'node:assert/strict';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const group = '/apis/admissionregistration.k8s.io/v1';
const kinds = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'] as const;

const webhook = (rule: object, rest: object = {}): object => ({
  name: 'unreachable.example.com',
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  clientConfig: { service: { namespace: 'default', name: 'not-there', path: '/configmaps' } },
  failurePolicy: 'Fail',
  rules: [{ apiVersions: ['v1'], ...rule }],
  ...rest,
});

behaviour('Admission webhook, discovery document', async () => {
  const groups = (await suite.api.get('/apis'))['groups'] as { name: string; versions: { version: string }[] }[];
  const found = groups.find(({ name }) => name === 'admissionregistration.k8s.io');
  assert.ok(found?.versions.some(({ version }) => version === 'v1'));
  const document = await suite.api.get('/apis/admissionregistration.k8s.io');
  assert.equal(document['name'], 'admissionregistration.k8s.io');
  const resources = (await suite.api.get(group))['resources'] as { name: string }[];
  for (const kind of kinds)
    assert.ok(
      resources.some(({ name }) => name === kind),
      kind,
    );
});

behaviour('Admission webhook, fail closed', async () => {
  const namespace = await suite.namespace('fail-closed');
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  const rule = { apiGroups: [''], operations: ['CREATE'], resources: ['configmaps'] };
  await suite.api.create(`${group}/validatingwebhookconfigurations`, {
    metadata: { name: 'fail-closed' },
    webhooks: [webhook(rule, { namespaceSelector })],
  });
  await suite.eventually('creating is refused', async () => {
    const body = { metadata: { generateName: 'refused-' } };
    const { status, text } = await suite.api.send('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body });
    return status === 500 && /failed calling webhook \\"unreachable\.example\.com\\"/.test(text);
  });
  await suite.api.delete(`${group}/validatingwebhookconfigurations/fail-closed`);
});

behaviour('Admission webhook, admission control not allowed on webhook configuration objects', async () => {
  const rule = { apiGroups: ['admissionregistration.k8s.io'], operations: ['*'], resources: ['*'] };
  for (const kind of kinds) {
    await suite.api.create(`${group}/${kind}`, { metadata: { name: 'selfish' }, webhooks: [webhook(rule)] });
  }
  const probe = { apiGroups: [''], operations: ['CREATE'], resources: ['none'] };
  for (const kind of kinds) {
    for (let tries = 0; tries < 3; tries++) {
      await suite.api.create(`${group}/${kind}`, { metadata: { name: 'dummy' }, webhooks: [webhook(probe)] });
      await suite.api.patch(`${group}/${kind}/dummy`, { metadata: { labels: { changed: 'yes' } } });
      await suite.api.delete(`${group}/${kind}/dummy`);
    }
  }
  for (const kind of kinds) await suite.api.delete(`${group}/${kind}/selfish`);
});

for (const [name, kind] of [
  ['Mutating Admission webhook, reject mutating webhook configurations with invalid matchConditions', kinds[0]],
  ['Validing Admission webhook, reject validating webhook configurations with invalid matchConditions', kinds[1]],
] as const) {
  behaviour(name, async () => {
    const rule = { apiGroups: [''], operations: ['CREATE'], resources: ['configmaps'] };
    const matchConditions = [{ name: 'invalid', expression: '... [] bad expression' }];
    const body = { metadata: { name: 'invalid' }, webhooks: [webhook(rule, { matchConditions })] };
    assert.match(
      await suite.api.refused(422, 'POST', `${group}/${kind}`, { body }),
      /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*compilation failed/,
    );
  });
}

behaviour('Admission webhook, list validating webhooks', async () => {
  const kind = kinds[1];
  const label = `listed-${kind}`;
  const namespace = await suite.namespace(label);
  const rule = { apiGroups: [''], operations: ['CREATE'], resources: ['configmaps'] };
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  const listed = `${group}/${kind}?labelSelector=listed%3D${label}`;
  for (let index = 0; index < 10; index++) {
    await suite.api.create(`${group}/${kind}`, {
      metadata: { name: `${label}-${index}`, labels: { listed: label } },
      webhooks: [webhook(rule, { namespaceSelector })],
    });
  }
  assert.equal((await suite.api.items(listed)).length, 10);
  const create = async (): Promise<number> => {
    const body = { metadata: { generateName: 'listed-' } };
    return (await suite.api.send('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body })).status;
  };
  await suite.eventually('they are asked', async () => (await create()) === 500);
  await suite.api.delete(listed);
  assert.equal((await suite.api.items(listed)).length, 0);
  await suite.eventually('they are not asked any more', async () => (await create()) === 201);
});
