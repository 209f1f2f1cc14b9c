import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Answer, RecordType } from 'dns-packet';
import { endpointSlices, services } from '../../../api/resource-types.ts';
import { MemoryInformer, makeEndpoint, makeService, makeSlice } from '../testing.ts';
import { ClusterZone } from './cluster-zone.ts';
import { informerRecords } from './service-records.ts';

const serviceInformer = new MemoryInformer(services);
const sliceInformer = new MemoryInformer(endpointSlices);
const zone = new ClusterZone('cluster.local', informerRecords(serviceInformer, sliceInformer));
serviceInformer.set(
  makeService('web', '10.96.0.20'),
  makeService('db', 'None'),
  makeService('lonely', 'None'),
  makeService('away', '', { type: 'ExternalName', externalName: 'example.com' }),
);
sliceInformer.set(
  makeSlice('db', [
    makeEndpoint('10.244.0.5', { hostname: 'db-0' }),
    makeEndpoint('10.244.0.6'),
    makeEndpoint('10.244.0.7', { conditions: { ready: false } }),
  ]),
);

/** `RCODE` or the records' data, sorted. */
function ask(name: string, type: RecordType = 'A'): string | undefined {
  const answer = zone.resolve({ name, type });
  if (answer === undefined) return undefined;
  return answer.answers.length === 0 ? answer.rcode : answer.answers.map(textOf).sort().join(' ');
}

function textOf(record: Answer): string {
  if (record.type === 'SRV') return `${record.data.target}:${record.data.port}`;
  return 'data' in record && typeof record.data === 'string' ? record.data : record.type;
}

const cases: readonly (readonly [name: string, type: RecordType, expected: string | undefined])[] = [
  ['web.default.svc.cluster.local', 'A', '10.96.0.20'],
  ['WEB.Default.svc.cluster.local', 'A', '10.96.0.20'],
  ['web.default.svc.cluster.local', 'AAAA', 'NOERROR'],
  ['web.default.svc.cluster.local', 'TXT', 'NOERROR'],
  ['web.other.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['web.default.svc.cluster.local.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['default.svc.cluster.local', 'A', 'NOERROR'],
  ['nowhere.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['_http._tcp.web.default.svc.cluster.local', 'SRV', 'web.default.svc.cluster.local:80'],
  ['_http._udp.web.default.svc.cluster.local', 'SRV', 'NXDOMAIN'],
  ['db.default.svc.cluster.local', 'A', '10.244.0.5 10.244.0.6'],
  ['db-0.db.default.svc.cluster.local', 'A', '10.244.0.5'],
  ['10-244-0-6.db.default.svc.cluster.local', 'A', '10.244.0.6'],
  ['db-9.db.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  [
    '_http._tcp.db.default.svc.cluster.local',
    'SRV',
    '10-244-0-6.db.default.svc.cluster.local:8080 db-0.db.default.svc.cluster.local:8080',
  ],
  ['lonely.default.svc.cluster.local', 'A', 'NXDOMAIN'],
  ['away.default.svc.cluster.local', 'A', 'example.com'],
  ['10-244-0-9.default.pod.cluster.local', 'A', '10.244.0.9'],
  ['10-244-0.default.pod.cluster.local', 'A', 'NXDOMAIN'],
  ['20.0.96.10.in-addr.arpa', 'PTR', 'web.default.svc.cluster.local'],
  ['5.0.244.10.in-addr.arpa', 'PTR', 'db-0.db.default.svc.cluster.local'],
  ['8.8.8.8.in-addr.arpa', 'PTR', undefined],
  ['cluster.local', 'A', 'NOERROR'],
  ['example.com', 'A', undefined],
  ['notcluster.local', 'A', undefined],
];

describe('ClusterZone', () => {
  for (const [name, type, expected] of cases) {
    test(`${type} ${name}`, () => assert.equal(ask(name, type), expected));
  }
});
