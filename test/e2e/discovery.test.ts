import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, kubectl } from './kubectl.ts';

test('api-resources lists every stable kind with its names', async () => {
  const text = await kubectl(['api-resources']);
  assert.match(text, /^pods +po +v1 +true +Pod$/m);
  assert.match(text, /^deployments +deploy +apps\/v1 +true +Deployment$/m);
  assert.match(text, /^customresourcedefinitions +crd,crds +apiextensions\.k8s\.io\/v1 +false/m);
  assert.ok(text.trim().split('\n').length > 55, text);
  assert.match(await kubectl(['api-resources', '--verbs=list', '--namespaced', '-o', 'name']), /^configmaps\n/m);
  assert.match(
    await kubectl(['api-resources', '--api-group=batch', '-o', 'wide']),
    /create,delete,deletecollection,get,list,patch,update,watch/,
  );
});

test('api-versions and version', async () => {
  assert.match(await kubectl(['api-versions']), /^apps\/v1$[\s\S]*^v1$/m);
  assert.match(await kubectl(['version']), /Server Version: v1\.36/);
});

test('cluster-info and component health', async () => {
  assert.match(await kubectl(['cluster-info']), /control plane.* is running at/);
  for (const path of ['/healthz', '/livez', '/readyz']) assert.equal(await kubectl(['get', '--raw', path]), 'ok');
  assert.match(await kubectl(['get', '--raw', '/readyz?verbose']), /\[\+\]ping ok/);
  assert.match(await kubectl(['get', '--raw', '/metrics']), /^apiserver_request_total\{/m);
});

test('events lists and filters', async () => {
  const text = await eventually('an event', async () => {
    const listed = await kubectl(['events', '-A', '--types=Normal']);
    return /LAST SEEN/.test(listed) ? listed : undefined;
  });
  assert.match(text, /NAMESPACE +LAST SEEN +TYPE +REASON +OBJECT +MESSAGE/);
  assert.match(await kubectl(['get', 'events', '-A']), /NAMESPACE +LAST SEEN +TYPE/);
});

test('the OpenAPI documents of both versions are served', async () => {
  const v3 = JSON.parse(await kubectl(['get', '--raw', '/openapi/v3'])) as {
    paths: Record<string, { serverRelativeURL: string }>;
  };
  assert.ok(v3.paths['api/v1'] !== undefined && v3.paths['apis/apps/v1'] !== undefined);
  const core = JSON.parse(await kubectl(['get', '--raw', v3.paths['api/v1']?.serverRelativeURL ?? ''])) as {
    components: { schemas: Record<string, unknown> };
  };
  assert.ok(core.components.schemas['io.k8s.api.core.v1.Pod'] !== undefined);
  assert.match(await kubectl(['get', '--raw', '/openapi/v2']), /"swagger":"2\.0"/);
});
