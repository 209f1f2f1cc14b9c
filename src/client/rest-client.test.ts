import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configMaps, pods } from '../api/resource-types.ts';
import { isConflict, isNotFound } from '../machinery/status-error.ts';
import type { RawRequest, RawResponse, Transport } from './contract.ts';
import { createClient } from './rest-client.ts';

type Answer = { status: number; body?: object | string; headers?: Record<string, string> } | Error;

/** A transport that answers as told and remembers what it was asked. */
function transportOf(...answers: Answer[]): Transport & { readonly asked: RawRequest[] } {
  const asked: RawRequest[] = [];
  return {
    asked,
    async request(request): Promise<RawResponse> {
      asked.push(request);
      const answer = answers.shift() ?? new Error('nothing more was expected');
      if (answer instanceof Error) throw answer;
      const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {});
      async function* body() {
        yield Buffer.from(text);
      }
      return { status: answer.status, headers: answer.headers ?? {}, body: body() };
    },
    upgrade: () => Promise.reject(new Error('no upgrades')),
    close: async () => undefined,
  };
}

const broken = (code: string): Error => Object.assign(new Error(code), { code });
const status = (code: number, reason: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason,
  code,
});
const ref = { namespace: 'default', name: 'a' };
const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: ref };

describe('client', () => {
  it('builds paths and queries', async () => {
    const transport = transportOf({ status: 200 }, { status: 200 }, { status: 200 }, { status: 201 });
    const client = createClient(transport, { userAgent: 'test' });
    await client.resource(configMaps).list({ labelSelector: 'a in (b,c)', limit: 5 });
    await client
      .resource(pods)
      .patch(ref, { type: 'apply', body: {} }, { fieldManager: 'me', force: true, subresource: 'status' });
    await client.resource(configMaps).delete(ref, { propagationPolicy: 'Orphan' });
    await client.resource(pods).createSubresource(ref, 'binding', {});
    assert.deepEqual(
      transport.asked.map(({ method, path, headers }) => `${method} ${path} ${headers?.['content-type'] ?? ''}`),
      [
        'GET /api/v1/configmaps?labelSelector=a%20in%20(b%2Cc)&limit=5 ',
        'PATCH /api/v1/namespaces/default/pods/a/status?fieldManager=me&force=true application/apply-patch+yaml',
        'DELETE /api/v1/namespaces/default/configmaps/a application/json',
        'POST /api/v1/namespaces/default/pods/a/binding application/json',
      ],
    );
    assert.equal(transport.asked[0]?.headers?.['user-agent'], 'test');
  });

  it('throws what the server says', async () => {
    const transport = transportOf(
      { status: 404, body: status(404, 'NotFound') },
      { status: 409, body: status(409, 'Conflict') },
    );
    const client = createClient(transport, { userAgent: 'test' });
    await assert.rejects(client.resource(configMaps).get(ref), isNotFound);
    await assert.rejects(client.resource(configMaps).update(object), isConflict);
  });

  it('makes up a status for an answer that has none', async () => {
    const client = createClient(transportOf({ status: 502, body: 'bad gateway' }), { userAgent: 'test' });
    await assert.rejects(client.resource(configMaps).get(ref), /the server answered 502: bad gateway/);
  });

  it('repeats reads over a broken connection, and writes only when they never arrived', async () => {
    const transport = transportOf(
      broken('ECONNRESET'),
      { status: 200, body: object },
      broken('ECONNREFUSED'),
      { status: 201, body: object },
      broken('ECONNRESET'),
    );
    const client = createClient(transport, { userAgent: 'test' });
    assert.equal((await client.resource(configMaps).get(ref)).metadata.name, 'a');
    assert.equal((await client.resource(configMaps).create(object)).metadata.name, 'a');
    await assert.rejects(client.resource(configMaps).create(object), /ECONNRESET/);
  });

  it('comes back when the server asks it to', async () => {
    const busy = { status: 429, body: status(429, 'TooManyRequests'), headers: { 'retry-after': '0' } };
    const transport = transportOf(busy, { status: 201, body: object });
    await createClient(transport, { userAgent: 'test' }).resource(configMaps).create(object);
    assert.equal(transport.asked.length, 2);
  });
});
