import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ConfigMap } from '../api/core/v1/types.generated.ts';
import { configMaps } from '../api/resource-types.ts';
import type { Client } from './contract.ts';
import { createHttpsTransport } from './https-transport.ts';
import { createInformerFactory } from './informer-factory.ts';
import { createClient } from './rest-client.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that answers lists and watches of config maps with what a test queued, in order. */
class ScriptedServer {
  readonly seen: URL[] = [];
  readonly lists: Answer[] = [];
  readonly watches: Answer[] = [];
  readonly server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://server');
    this.seen.push(url);
    const script = url.searchParams.has('watch') ? this.watches : this.lists;
    const answer = script.shift();
    if (answer === undefined) hold(request, response);
    else answer(request, response);
  });
}

/** A watch that stays open and says nothing. */
const hold: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
};

function configMap(name: string, resourceVersion: number, value = ''): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'default', name, uid: `uid-${name}`, resourceVersion: String(resourceVersion) },
    data: { value },
  };
}

function list(resourceVersion: number, items: ConfigMap[], next?: string): Answer {
  const metadata = { resourceVersion: String(resourceVersion), ...(next === undefined ? {} : { continue: next }) };
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMapList', metadata, items });
  return (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body);
}

function frame(type: string, object: object): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** Sends the text and leaves the watch open. */
function watch(...parts: (string | Buffer)[]): Answer {
  return async (request, response) => {
    hold(request, response);
    for (const part of parts) {
      response.write(part);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
}

/** Sends the text and breaks the connection. */
function brokenWatch(text: string): Answer {
  return (request, response) => {
    hold(request, response);
    response.write(text, () => response.destroy());
  };
}

function expired(response: ServerResponse): void {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason: 'Expired',
    code: 410,
    message: 'too old',
  };
  response.writeHead(410, { 'content-type': 'application/json' }).end(JSON.stringify(status));
}

async function eventually(check: () => boolean): Promise<void> {
  const until = Date.now() + 10_000;
  while (!check()) {
    if (Date.now() > until) assert.fail('the expected state did not come');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('informer', () => {
  let scripted: ScriptedServer;
  let client: Client;
  let ending: AbortController;
  let told: string[];

  beforeEach(async () => {
    scripted = new ScriptedServer();
    await new Promise<void>((resolve) => scripted.server.listen(0, '127.0.0.1', resolve));
    const { port } = scripted.server.address() as AddressInfo;
    client = createClient(createHttpsTransport({ server: `http://127.0.0.1:${port}` }), { userAgent: 'test' });
    ending = new AbortController();
    told = [];
  });

  afterEach(async () => {
    ending.abort();
    await client.close();
    scripted.server.closeAllConnections();
    await new Promise((resolve) => scripted.server.close(resolve));
  });

  function start() {
    const factory = createInformerFactory(client, { freeze: true });
    const informer = factory.informer(configMaps, { namespace: 'default' });
    informer.addHandler({
      added: (object) => told.push(`+${object.metadata.name}`),
      updated: (_old, object) => told.push(`~${object.metadata.name}`),
      deleted: (object) => told.push(`-${object.metadata.name}`),
    });
    factory.start(ending.signal);
    return { informer, factory };
  }

  it('reads all pages, then follows the watch', async () => {
    scripted.lists.push(list(5, [configMap('a', 1)], 'more'), list(5, [configMap('b', 2)]));
    scripted.watches.push(watch(frame('MODIFIED', configMap('a', 6)), frame('DELETED', configMap('b', 7))));
    const { informer, factory } = start();
    await factory.synced(ending.signal);
    await eventually(() => informer.lastResourceVersion === '7');
    assert.deepEqual(told, ['+a', '+b', '~a', '-b']);
    assert.equal(informer.get('default/a')?.metadata.resourceVersion, '6');
    assert.equal(scripted.seen[1]?.searchParams.get('continue'), 'more');
    assert.equal(scripted.seen[2]?.searchParams.get('resourceVersion'), '5');
  });

  it('resumes a broken watch where it was and drops half a frame', async () => {
    scripted.lists.push(list(5, [configMap('a', 1)]));
    const half = frame('MODIFIED', configMap('a', 7)).slice(0, 40);
    scripted.watches.push(brokenWatch(frame('MODIFIED', configMap('a', 6)) + half));
    scripted.watches.push(watch(frame('MODIFIED', configMap('a', 7))));
    const { informer } = start();
    await eventually(() => informer.lastResourceVersion === '7');
    assert.deepEqual(told, ['+a', '~a', '~a']);
    assert.equal(scripted.seen.filter((url) => !url.searchParams.has('watch')).length, 1);
    assert.equal(scripted.seen.at(-1)?.searchParams.get('resourceVersion'), '6');
  });

  it('joins frames that were cut inside a character', async () => {
    scripted.lists.push(list(5, []));
    const bytes = Buffer.from(frame('ADDED', configMap('a', 6, 'å锚')));
    const cut = bytes.indexOf(Buffer.from('锚')) + 1;
    scripted.watches.push(watch(bytes.subarray(0, cut), bytes.subarray(cut)));
    const { informer } = start();
    await eventually(() => informer.size === 1);
    assert.equal(informer.get('default/a')?.data?.['value'], 'å锚');
  });

  it('lists again after 410 and tells only the differences', async () => {
    scripted.lists.push(list(5, [configMap('a', 1), configMap('b', 2), configMap('c', 3)]));
    scripted.watches.push((_request, response) => expired(response));
    scripted.lists.push(list(9, [configMap('a', 1), configMap('b', 8), configMap('d', 9)]));
    const { informer } = start();
    await eventually(() => informer.lastResourceVersion === '9');
    assert.deepEqual(told, ['+a', '+b', '+c', '-c', '~b', '+d']);
  });

  it('takes a bookmark as its place and does not tell of it', async () => {
    scripted.lists.push(list(5, []));
    scripted.watches.push(brokenWatch(frame('BOOKMARK', { metadata: { resourceVersion: '50' } })));
    scripted.watches.push(watch(frame('ADDED', configMap('a', 51))));
    const { informer } = start();
    await eventually(() => informer.size === 1);
    assert.equal(scripted.seen.at(-1)?.searchParams.get('resourceVersion'), '50');
    assert.deepEqual(told, ['+a']);
  });

  it('keeps an error event inside the stream from losing anything', async () => {
    scripted.lists.push(list(5, [configMap('a', 1)]), list(8, [configMap('a', 8)]));
    const status = { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410, message: 'gone' };
    scripted.watches.push(watch(frame('ERROR', status)));
    const { informer } = start();
    await eventually(() => informer.lastResourceVersion === '8');
    assert.deepEqual(told, ['+a', '~a']);
  });

  it('freezes what it keeps', async () => {
    scripted.lists.push(list(5, [configMap('a', 1)]));
    const { informer, factory } = start();
    await factory.synced(ending.signal);
    assert.throws(() => {
      const kept = informer.get('default/a');
      if (kept?.data !== undefined) kept.data['value'] = 'changed';
    }, TypeError);
  });

  it('answers an index over what it holds', async () => {
    scripted.lists.push(list(5, [configMap('a', 1, 'x'), configMap('b', 2, 'y')]));
    scripted.watches.push(watch(frame('MODIFIED', configMap('a', 6, 'y'))));
    const { informer } = start();
    informer.addIndex('value', (object) => [object.data?.['value'] ?? '']);
    await eventually(() => informer.lastResourceVersion === '6');
    assert.deepEqual(informer.byIndex('value', 'x'), []);
    assert.deepEqual(
      informer
        .byIndex('value', 'y')
        .map((object) => object.metadata.name)
        .sort(),
      ['a', 'b'],
    );
  });
});
