import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRequestInfo } from './request-info.ts';

/** method, target, then `verb group/version namespace resource/subresource name rest` with `-` for nothing. */
const cases: [string, string, string][] = [
  ['GET', '/api/v1/namespaces', 'list /v1 - namespaces/- - -'],
  ['GET', '/api/v1/namespaces/a', 'get /v1 a namespaces/- a -'],
  ['GET', '/api/v1/namespaces/a/status', 'get /v1 a namespaces/status a -'],
  ['PUT', '/api/v1/namespaces/a/finalize', 'update /v1 a namespaces/finalize a -'],
  ['GET', '/api/v1/namespaces/a/pods', 'list /v1 a pods/- - -'],
  ['GET', '/api/v1/namespaces/a/pods?watch=true', 'watch /v1 a pods/- - -'],
  ['GET', '/api/v1/pods?watch=0', 'list /v1 - pods/- - -'],
  ['GET', '/api/v1/watch/namespaces/a/pods', 'watch /v1 a pods/- - -'],
  ['DELETE', '/api/v1/watch/namespaces/a/pods', 'delete /v1 - watch/a namespaces pods'],
  ['constructor', '/api/v1/pods', ' /v1 - pods/- - -'],
  ['GET', '/api/v1/nodes?fieldSelector=metadata.name%3Dn1', 'list /v1 - nodes/- n1 -'],
  ['POST', '/apis/apps/v1/namespaces/a/deployments', 'create apps/v1 a deployments/- - -'],
  ['PATCH', '/apis/apps/v1/namespaces/a/deployments/d/scale', 'patch apps/v1 a deployments/scale d -'],
  ['DELETE', '/apis/apps/v1/namespaces/a/deployments', 'deletecollection apps/v1 a deployments/- - -'],
  ['GET', '/api/v1/namespaces/a/services/s:80/proxy/x/y', 'get /v1 a services/proxy s:80 x/y'],
  ['HEAD', '/api/v1/nodes/n%20', 'get /v1 - nodes/- n  -'],
  ['GET', '/api/v1/nodes/%zz', 'get /v1 - nodes/- %zz -'],
];

for (const [method, target, expected] of cases) {
  test(`${method} ${target} asks for ${expected}`, () => {
    const [path = '', query] = target.split('?');
    const info = parseRequestInfo(method, path, () => new URLSearchParams(query));
    const or = (text: string): string => (text === '' ? '-' : text);
    const { verb, apiGroup, apiVersion, namespace, resource, subresource, name, rest } = info;
    const got = `${verb} ${apiGroup}/${apiVersion} ${or(namespace)} ${resource}/${or(subresource)} ${or(name)} ${or(rest.join('/'))}`;
    assert.equal(info.isResourceRequest, true);
    assert.equal(got, expected);
  });
}

for (const path of ['/', '/api', '/api/v1', '/apis/apps/v1', '/healthz', '/openapi/v3/api/v1', '/version']) {
  test(`${path} is no resource`, () => {
    const info = parseRequestInfo('GET', path, () => new URLSearchParams());
    assert.equal(info.isResourceRequest, false);
    assert.equal(info.verb, 'get');
  });
}
