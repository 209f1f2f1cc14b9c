import assert from 'node:assert/strict';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { at } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const core = '/api/v1/namespaces/default';

behaviour('ServiceAccount, create and review token', async () => {
  const account = await suite.api.create(`${core}/serviceaccounts`, { metadata: { name: 'reviewed' } });
  const request = await suite.api.create(`${core}/serviceaccounts/reviewed/token`, { spec: {} });
  const token = String(at(request, 'status.token'));
  assert.equal(token.split('.').length, 3);
  const review = await suite.api.create('/apis/authentication.k8s.io/v1/tokenreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token },
  });
  assert.equal(at(review, 'status.authenticated'), true);
  assert.equal(at(review, 'status.error'), undefined);
  assert.equal(at(review, 'status.user.username'), 'system:serviceaccount:default:reviewed');
  assert.equal(at(review, 'status.user.uid'), account.metadata.uid);
  assert.deepEqual(at(review, 'status.user.groups'), [
    'system:serviceaccounts',
    'system:serviceaccounts:default',
    'system:authenticated',
  ]);
});

behaviour('RootCA ConfigMap test', async () => {
  const namespace = await suite.namespace('root-ca');
  const path = `/api/v1/namespaces/${namespace}/configmaps/kube-root-ca.crt`;
  const holds = async (): Promise<boolean> => {
    const { status, text } = await suite.api.send('GET', path);
    if (status !== 200) return false;
    const data = (JSON.parse(text) as { data?: Record<string, string> }).data ?? {};
    return data['ca.crt']?.startsWith('-----BEGIN CERTIFICATE-----') === true && Object.keys(data).length === 1;
  };
  await suite.eventually('it is there', holds);
  await suite.api.delete(path);
  await suite.eventually('it is there again', holds);
  await suite.api.put(path, { metadata: { name: 'kube-root-ca.crt' }, data: { 'ca.crt': '' } });
  await suite.eventually('it is mended', holds);
});

behaviour('ServiceAccount, update a ServiceAccount', async () => {
  const created = await suite.api.create(`${core}/serviceaccounts`, {
    metadata: { name: 'updated' },
    automountServiceAccountToken: false,
  });
  assert.equal(created['automountServiceAccountToken'], false);
  await suite.api.change(`${core}/serviceaccounts/updated`, (object) => {
    object['automountServiceAccountToken'] = true;
  });
  assert.equal((await suite.api.get(`${core}/serviceaccounts/updated`))['automountServiceAccountToken'], true);
});

behaviour('SubjectReview, API Operations', async () => {
  await suite.api.create(`${core}/serviceaccounts`, { metadata: { name: 'subject' } });
  await suite.api.create('/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', {
    metadata: { name: 'subject-views' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'ServiceAccount', name: 'subject', namespace: 'default' }],
  });
  const user = 'system:serviceaccount:default:subject';
  const groups = ['system:authenticated', 'system:serviceaccounts', 'system:serviceaccounts:default'];
  const headers = { 'impersonate-user': user };
  const may = async (verb: string): Promise<boolean> => {
    const path = verb === 'list' ? `${core}/configmaps` : `${core}/configmaps/none`;
    const { status } = await suite.api.send(verb === 'list' ? 'GET' : 'DELETE', path, { headers });
    return status !== 403;
  };
  await suite.eventually('the binding holds', () => may('list'));
  for (const verb of ['list', 'delete']) {
    const resourceAttributes = { verb, resource: 'configmaps', version: 'v1', namespace: 'default' };
    const review = (path: string, kind: string, spec: object, as?: Record<string, string>): Promise<UnknownObject> =>
      suite.api.ask('POST', `/apis/authorization.k8s.io/v1/${path}`, {
        body: { apiVersion: 'authorization.k8s.io/v1', kind, metadata: {}, spec },
        ...(as === undefined ? {} : { headers: as }),
      });
    const spec = { resourceAttributes, user, groups };
    const allowed = await may(verb);
    assert.equal(allowed, verb === 'list');
    const subject = await review('subjectaccessreviews', 'SubjectAccessReview', spec);
    assert.equal(at(subject, 'status.allowed'), allowed);
    const local = await review('namespaces/default/localsubjectaccessreviews', 'LocalSubjectAccessReview', spec);
    assert.equal(at(local, 'status.allowed'), allowed);
    const self = await review('selfsubjectaccessreviews', 'SelfSubjectAccessReview', { resourceAttributes }, headers);
    assert.equal(at(self, 'status.allowed'), allowed);
  }
});
