import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Answer, decode, encode } from 'dns-packet';
import { endpointSlices, services } from '../../../api/resource-types.ts';
import { silentLogger } from '../../../machinery/logger.ts';
import { MemoryInformer, makeEndpoint, makeService, makeSlice } from '../testing.ts';
import { Answerer } from './answerer.ts';
import { ClusterZone } from './cluster-zone.ts';
import { Forwarder } from './forwarder.ts';
import { informerRecords } from './service-records.ts';

const serviceInformer = new MemoryInformer(services);
const sliceInformer = new MemoryInformer(endpointSlices);
serviceInformer.set(
  makeService('db', 'None'),
  makeService('web', '10.96.0.20'),
  makeService('alias', '', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }),
);
sliceInformer.set(
  makeSlice(
    'db',
    Array.from({ length: 60 }, (_, i) => makeEndpoint(`10.244.0.${i + 2}`)),
  ),
);
let ready = true;
const answerer = new Answerer({
  zone: new ClusterZone('cluster.local', informerRecords(serviceInformer, sliceInformer)),
  forwarder: new Forwarder({ servers: [], now: () => 0 }),
  ready: () => ready,
  logger: silentLogger,
});

async function ask(name: string, { tcp = false, udpPayloadSize = 0 } = {}) {
  const additionals: Answer[] =
    udpPayloadSize === 0
      ? []
      : [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ];
  const query = encode({ type: 'query', id: 7, flags: 256, questions: [{ name, type: 'A' }], additionals });
  const answer = await answerer.answer(query, tcp);
  assert.ok(answer !== undefined);
  return decode(answer);
}

const rcodeOf = (packet: { flags?: number | undefined }): number => (packet.flags ?? 0) & 15;

describe('Answerer', () => {
  test('cuts an answer that does not fit and says so', async () => {
    const packet = await ask('db.default.svc.cluster.local');
    assert.equal(packet.answers?.length, 0);
    assert.equal(packet.flag_tc, true);
  });

  test('gives all of it over TCP, or to who takes large packets', async () => {
    assert.equal((await ask('db.default.svc.cluster.local', { tcp: true })).answers?.length, 60);
    const packet = await ask('db.default.svc.cluster.local', { udpPayloadSize: 4096 });
    assert.equal(packet.answers?.length, 60);
    assert.equal(packet.additionals?.[0]?.type, 'OPT');
  });

  test('says for how long a name is known to be missing', async () => {
    const packet = await ask('nope.default.svc.cluster.local');
    assert.equal(rcodeOf(packet), 3);
    assert.equal(packet.authorities?.[0]?.type, 'SOA');
    assert.equal(packet.id, 7);
  });

  test('calls no name missing before it knows them all', async () => {
    ready = false;
    const rcodes = [await ask('nope.default.svc.cluster.local'), await ask('web.default.svc.cluster.local')].map(
      rcodeOf,
    );
    ready = true;
    assert.deepEqual(rcodes, [2, 0]);
  });

  test('follows an alias within the cluster', async () => {
    const packet = await ask('alias.default.svc.cluster.local');
    assert.deepEqual(
      packet.answers?.map(({ type }) => type),
      ['CNAME', 'A'],
    );
  });

  test('fails names of others when there is no one to ask', async () => {
    assert.equal(rcodeOf(await ask('example.com')), 2);
  });

  test('survives garbage', async () => {
    assert.equal(await answerer.answer(Buffer.from([1, 2, 3]), false), undefined);
    await answerer.answer(Buffer.alloc(40, 0xff), false);
  });
});
