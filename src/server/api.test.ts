import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { configMapResource } from '../api/core/v1/config-map.ts';
import { podResource } from '../api/core/v1/pod.ts';
import { silentLogger } from '../machinery/logger.ts';
import type { UnknownObject } from '../machinery/meta.ts';
import type { Status } from '../machinery/meta-types.generated.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { createApi } from './api.ts';
import type { AdmissionChain, Api } from './contract.ts';
import { respondWithError } from './filters/errors.ts';
import { parseRequestInfo } from './filters/request-info.ts';
import { createLocalTransport, type LocalTransport } from './http/local-transport.ts';

const noAdmission: AdmissionChain = {
  handles: () => false,
  admit: () => Promise.resolve(),
  validate: () => Promise.resolve(),
};

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly object: UnknownObject;
}

/** Requests to an api in this process, without the filters that know users. */
class Requests {
  readonly #transport: LocalTransport;

  constructor(api: Api) {
    this.#transport = createLocalTransport(
      async (context) => {
        context.info = parseRequestInfo(context.method, context.path, () => context.query);
        try {
          await api.handle(context);
        } catch (error) {
          respondWithError(context, error, silentLogger);
        }
      },
      { name: 'tester', groups: [] },
    );
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await this.#transport.request({
      method,
      path,
      headers,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const object = text.startsWith('{') && !text.includes('}\n{') ? (JSON.parse(text) as UnknownObject) : emptyObject;
    return { status: response.status, headers: response.headers, text, object };
  }

  /** Reads watch events until `count` are there. */
  async watch(path: string, count: number, whileOpen?: () => Promise<unknown>): Promise<WatchEvent[]> {
    const controller = new AbortController();
    const response = await this.#transport.request({ method: 'GET', path, signal: controller.signal });
    const events: WatchEvent[] = [];
    const doing = whileOpen?.();
    let text = '';
    for await (const chunk of response.body) {
      text += Buffer.from(chunk).toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) events.push(JSON.parse(line) as WatchEvent);
      if (events.length >= count) break;
    }
    await doing;
    return events;
  }
}

interface WatchEvent {
  readonly type: string;
  readonly object: UnknownObject;
}

const emptyObject: UnknownObject = { apiVersion: '', kind: '', metadata: { name: '' } };
const configMaps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';

function configMap(name: string, data: Record<string, string> = {}, labels?: Record<string, string>): object {
  return { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, ...(labels === undefined ? {} : { labels }) }, data };
}

function pod(name: string): object {
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'nginx:1' }] },
  };
}

describe('api', () => {
  let api: Api;
  let requests: Requests;

  before(async () => {
    api = await createApi({
      store: new MemoryStore(),
      rows: [configMapResource, podResource],
      admission: noAdmission,
      logger: silentLogger,
    });
    requests = new Requests(api);
  });
  after(() => api.close());

  test('a created object is answered, read, listed, changed and deleted', async () => {
    const created = await requests.send('POST', configMaps, configMap('one', { a: '1' }));
    assert.equal(created.status, 201, created.text);
    assert.match(created.object.metadata.uid ?? '', /^[0-9a-f-]{36}$/);
    const read = await requests.send('GET', `${configMaps}/one`);
    assert.equal(read.text, created.text);
    const listed = await requests.send('GET', configMaps);
    assert.equal(listed.object.kind, 'ConfigMapList');
    assert.deepEqual(listed.object['items'], [created.object]);
    const changed = await requests.send('PUT', `${configMaps}/one`, { ...created.object, data: { a: '2' } });
    assert.equal(changed.status, 200, changed.text);
    assert.deepEqual(changed.object['data'], { a: '2' });
    const stale = await requests.send('PUT', `${configMaps}/one`, { ...created.object, data: { a: '3' } });
    assert.equal(
      statusOf(stale).message,
      'Operation cannot be fulfilled on configmaps "one": the object has been modified; please apply your changes to the latest version and try again',
    );
    const deleted = await requests.send('DELETE', `${configMaps}/one`);
    assert.equal(deleted.status, 200, deleted.text);
    const missing = await requests.send('GET', `${configMaps}/one`);
    assert.equal(missing.status, 404);
    assert.equal(statusOf(missing).message, 'configmaps "one" not found');
  });

  test('an update that changes nothing keeps the resourceVersion', async () => {
    const created = await requests.send('POST', configMaps, configMap('same', { a: '1' }));
    const again = await requests.send('PUT', `${configMaps}/same`, configMap('same', { a: '1' }));
    assert.equal(again.object.metadata.resourceVersion, created.object.metadata.resourceVersion);
  });

  test('a watch sees what is there and what comes', async () => {
    await requests.send('POST', configMaps, configMap('watched', {}, { app: 'w' }));
    const events = await requests.watch(`${configMaps}?watch=true&labelSelector=app%3Dw`, 4, async () => {
      await patch(requests, `${configMaps}/watched`, { data: { a: '1' } });
      await patch(requests, `${configMaps}/watched`, { metadata: { labels: { app: 'x' } } });
      await patch(requests, `${configMaps}/watched`, { metadata: { labels: { app: 'w' } } });
    });
    assert.deepEqual(
      events.map(({ type }) => type),
      ['ADDED', 'MODIFIED', 'DELETED', 'ADDED'],
    );
  });

  test('a list in chunks reads one state', async () => {
    for (const name of ['p1', 'p2', 'p3']) await requests.send('POST', configMaps, configMap(name, {}, { page: 'y' }));
    const path = `${configMaps}?labelSelector=page&limit=2`;
    const first = await requests.send('GET', path);
    await requests.send('DELETE', `${configMaps}/p3`);
    const token = (first.object.metadata as { continue?: string }).continue ?? '';
    const second = await requests.send('GET', `${path}&continue=${token}`);
    assert.deepEqual(namesOf(first), ['p1', 'p2']);
    assert.deepEqual(namesOf(second), ['p3']);
    assert.equal(second.object.metadata.resourceVersion, first.object.metadata.resourceVersion);
  });

  test('a Table has a row for each object', async () => {
    await requests.send('POST', pods, pod('tabled'));
    const table = await requests.send('GET', `${pods}?fieldSelector=metadata.name=tabled`, undefined, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
    });
    assert.equal(table.object.kind, 'Table');
    const rows = table.object['rows'] as { cells: unknown[]; object: UnknownObject }[];
    assert.equal(rows[0]?.cells[0], 'tabled');
    assert.equal(rows[0]?.object.kind, 'PartialObjectMetadata');
  });

  test('unknown fields warn, or refuse under strict validation', async () => {
    const wrong = { ...configMap('strict'), dada: {} };
    const warned = await requests.send('POST', `${configMaps}?dryRun=All`, wrong);
    assert.equal(warned.status, 201);
    assert.match(String(warned.headers['warning']), /unknown field \\"dada\\"/);
    const refused = await requests.send('POST', `${configMaps}?fieldValidation=Strict`, wrong);
    assert.equal(refused.status, 400);
    assert.equal(
      statusOf(refused).message,
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dada"',
    );
  });

  test('server-side apply creates, and conflicts with another manager', async () => {
    const type = { 'content-type': 'application/apply-patch+yaml' };
    const path = `${configMaps}/applied?fieldManager=`;
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: applied\ndata:\n  a: "1"\n';
    const created = await requests.send('PATCH', `${path}one`, text, type);
    assert.equal(created.status, 201, created.text);
    const again = await requests.send('PATCH', `${path}one`, text, type);
    assert.equal(again.status, 200);
    assert.equal(again.object.metadata.resourceVersion, created.object.metadata.resourceVersion);
    const other = await requests.send('PATCH', `${path}two`, text.replace('"1"', '"2"'), type);
    assert.equal(other.status, 409);
    assert.match(statusOf(other).message ?? '', /conflict with "one": \.data\.a/);
    const forced = await requests.send('PATCH', `${path}two&force=true`, text.replace('"1"', '"2"'), type);
    assert.deepEqual(forced.object['data'], { a: '2' });
  });
});

function patch(requests: Requests, path: string, body: unknown): Promise<Answer> {
  return requests.send('PATCH', path, body, { 'content-type': 'application/merge-patch+json' });
}

function statusOf({ object }: Answer): Status {
  return object as unknown as Status;
}

function namesOf({ object }: Answer): string[] {
  return (object['items'] as UnknownObject[]).map(({ metadata }) => metadata.name);
}
