import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clone } from '../../../machinery/json.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { fieldErrorMessage } from '../../../machinery/status-error.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { coreResources } from './rows.ts';

function rowOf(resource: string): ResourceDefinition {
  const row = coreResources.find((each) => each.resource === resource);
  assert.ok(row, resource);
  return row;
}

/** An object as the server would store it, its metadata aside. */
function created(resource: string, fields: Record<string, unknown>, metadata: object = {}): UnknownObject {
  const row = rowOf(resource);
  const object: UnknownObject = {
    apiVersion: 'v1',
    kind: row.kind,
    metadata: { name: 'a', ...(row.namespaced ? { namespace: 'default' } : {}), ...metadata },
    ...clone(fields),
  };
  row.strategy.applyDefaults(object);
  row.strategy.prepareForCreate(object);
  return object;
}

function problemsOf(resource: string, fields: Record<string, unknown>, metadata: object = {}): string[] {
  return texts(rowOf(resource).strategy.validate(created(resource, fields, metadata)));
}

function updateProblems(resource: string, before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const { strategy } = rowOf(resource);
  const old = created(resource, before);
  const object = { ...clone(old), ...clone(after) };
  strategy.applyDefaults(object);
  strategy.prepareForUpdate(object, old);
  return texts(strategy.validateUpdate(object, old));
}

function texts(errors: ReturnType<ResourceDefinition['strategy']['validate']>): string[] {
  return errors.map((error) => `${error.field}: ${fieldErrorMessage(error)}`);
}

function cells(resource: string, object: UnknownObject, now = Date.parse('2026-01-01T00:10:00Z')): unknown[] {
  return rowOf(resource).columns.map((column) => column.value(object, now));
}

const data = { data: { key: Buffer.from('value').toString('base64') } };

const cases: readonly [string, string, Record<string, unknown>, readonly string[]][] = [
  ['a plain config map', 'configmaps', { data: { a: 'b' } }, []],
  [
    'a config map with a key in both bags and one that is no key',
    'configmaps',
    { data: { a: 'b', 'c/d': '' }, binaryData: { a: 'AA==' } },
    [
      'data[a]: Invalid value: "a": duplicate of key present in binaryData',
      "data[c/d]: Invalid value: \"c/d\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name' or 'KEY_NAME' or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ],
  ],
  ['an opaque secret', 'secrets', data, []],
  [
    'a TLS secret without its keys',
    'secrets',
    { ...data, type: 'kubernetes.io/tls' },
    ['data[tls.crt]: Required value', 'data[tls.key]: Required value'],
  ],
  [
    'a token secret of no account',
    'secrets',
    { type: 'kubernetes.io/service-account-token' },
    ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
  ],
  [
    'a registry secret that is not JSON',
    'secrets',
    { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': '' } },
    ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": unexpected end of JSON input'],
  ],
  [
    'a volume of no type and no size',
    'persistentvolumes',
    { spec: { accessModes: ['ReadWriteOnce'] } },
    ['spec.capacity: Required value', 'spec: Required value: must specify a volume type'],
  ],
  [
    'a claim without modes and size',
    'persistentvolumeclaims',
    { spec: {} },
    ['spec.accessModes: Required value: at least 1 access mode is required', 'spec.resources[storage]: Required value'],
  ],
  [
    'endpoints on the loopback',
    'endpoints',
    { subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ port: 80 }] }] },
    ['subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  ],
  [
    'an event about an object elsewhere',
    'events',
    { involvedObject: { kind: 'Pod', namespace: 'other', name: 'p' } },
    ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
  ],
  [
    'a range whose minimum is above its maximum',
    'limitranges',
    { spec: { limits: [{ type: 'Pod', min: { cpu: '2' }, max: { cpu: '1' } }] } },
    ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
  ],
  [
    'a quota of a resource that there is not',
    'resourcequotas',
    { spec: { hard: { beer: '1', pods: '-1' } } },
    [
      'spec.hard[beer]: Invalid value: "beer": must be a standard resource for quota',
      'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0',
    ],
  ],
  [
    'a controller whose selector misses its own pods',
    'replicationcontrollers',
    {
      spec: {
        selector: { app: 'a' },
        template: { metadata: { labels: { app: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    },
    ['spec.template.metadata.labels: Invalid value: {"app":"b"}: `selector` does not match template `labels`'],
  ],
  [
    'a node with one taint twice',
    'nodes',
    {
      spec: {
        taints: [
          { key: 'a', effect: 'NoSchedule' },
          { key: 'a', effect: 'NoSchedule', value: 'x' },
        ],
      },
    },
    [
      'spec.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule","value":"x"}: taints must be unique by key and effect pair',
    ],
  ],
];

for (const [name, resource, fields, expected] of cases) {
  test(`validation of ${name}`, () => {
    assert.deepEqual(problemsOf(resource, fields), expected);
  });
}

test('an immutable config map and secret stay as they are', () => {
  const forbidden = 'Forbidden: field is immutable when `immutable` is set';
  assert.deepEqual(updateProblems('configmaps', { data: { a: '1' }, immutable: true }, { data: { a: '2' } }), [
    `data: ${forbidden}`,
  ]);
  assert.deepEqual(updateProblems('secrets', { ...data, immutable: true }, { immutable: false }), [
    `immutable: ${forbidden}`,
  ]);
  assert.deepEqual(updateProblems('secrets', data, { type: 'other' }), [
    'type: Invalid value: "other": field is immutable',
  ]);
});

test('a secret keeps its string data as data alone', () => {
  const secret = created('secrets', { ...data, stringData: { more: 'text' } });
  assert.deepEqual(secret['data'], { ...data.data, more: 'dGV4dA==' });
  assert.equal(secret['stringData'], undefined);
  assert.equal(secret['type'], 'Opaque');
});

test('a namespace has its finalizer, its phase and its name label', () => {
  const namespace = created('namespaces', {});
  assert.deepEqual(namespace['spec'], { finalizers: ['kubernetes'] });
  assert.deepEqual(namespace['status'], { phase: 'Active' });
  assert.deepEqual(namespace.metadata.labels, { 'kubernetes.io/metadata.name': 'a' });
});

test('the finalizers of a namespace change only through finalize', () => {
  const row = rowOf('namespaces');
  const old = created('namespaces', {});
  const emptied = { ...clone(old), spec: {} };
  row.strategy.prepareForUpdate(emptied, old);
  assert.deepEqual(emptied.spec, { finalizers: ['kubernetes'] });
  const finalized = { ...clone(old), spec: { finalizers: [] }, status: { phase: 'Terminating' } };
  row.subresources.find((each) => each.name === 'finalize')?.strategy?.prepareForUpdate(finalized, old);
  assert.deepEqual(finalized.spec, { finalizers: [] });
  assert.deepEqual(finalized.status, { phase: 'Active' });
});

test('a node keeps the status that it registers with, and an update does not touch it', () => {
  const node = created('nodes', { status: { capacity: { cpu: '4000m' } } });
  assert.deepEqual(node['status'], { capacity: { cpu: '4' }, allocatable: { cpu: '4' } });
  const changed: UnknownObject = { ...clone(node), status: { capacity: {} } };
  rowOf('nodes').strategy.prepareForUpdate(changed, node);
  assert.deepEqual(changed['status'], node['status']);
});

test('the range of a container fills in what it leaves out', () => {
  const range = created('limitranges', {
    spec: { limits: [{ type: 'Container', max: { cpu: '2000m' }, min: { memory: '1024Ki' } }] },
  });
  assert.deepEqual(range['spec'], {
    limits: [
      {
        type: 'Container',
        max: { cpu: '2' },
        min: { memory: '1Mi' },
        default: { cpu: '2' },
        defaultRequest: { cpu: '2', memory: '1Mi' },
      },
    ],
  });
});

test('a bound claim may grow and not shrink below what it has', () => {
  const { strategy } = rowOf('persistentvolumeclaims');
  const claim = (storage: string): UnknownObject => ({
    ...created('persistentvolumeclaims', {
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
    }),
    status: { phase: 'Bound', capacity: { storage: '2Gi' } },
  });
  assert.deepEqual(texts(strategy.validateUpdate(claim('3Gi'), claim('2Gi'))), []);
  assert.deepEqual(texts(strategy.validateUpdate(claim('1Gi'), claim('2Gi'))), [
    'spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
  ]);
});

test('cells are what kubectl shows', () => {
  const at = { creationTimestamp: '2026-01-01T00:00:00Z' };
  const node = created(
    'nodes',
    {
      spec: { unschedulable: true },
      status: { conditions: [{ type: 'Ready', status: 'True' }], nodeInfo: { kubeletVersion: 'v1.36.0' } },
    },
    { ...at, labels: { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/control-plane': '' } },
  );
  assert.deepEqual(cells('nodes', node).slice(0, 6), [
    'a',
    'Ready,SchedulingDisabled',
    'control-plane,worker',
    '10m',
    'v1.36.0',
    '<none>',
  ]);
  const event = created('events', {
    involvedObject: { kind: 'Pod', name: 'p' },
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:09:00Z',
    type: 'Normal',
    reason: 'Started',
    message: ' done \n',
    count: 3,
    source: { component: 'agent', host: 'n1' },
  });
  assert.deepEqual(cells('events', event), [
    '60s',
    'Normal',
    'Started',
    'pod/p',
    '',
    'agent, n1',
    'done',
    '10m',
    3,
    'a',
  ]);
  const endpoints = created('endpoints', {
    subsets: [{ addresses: [1, 2, 3, 4].map((n) => ({ ip: `10.0.0.${n}` })), ports: [{ port: 80 }] }],
  });
  assert.equal(cells('endpoints', endpoints)[1], '10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...');
});

test('no two rows share a name, and every row can be made and shown from nothing but a name', () => {
  assert.equal(new Set(coreResources.map((row) => row.resource)).size, coreResources.length);
  for (const row of coreResources) {
    const object: UnknownObject = { apiVersion: 'v1', kind: row.kind, metadata: { name: 'a' } };
    for (const column of row.columns) assert.notEqual(column.value(object, 0), undefined, row.resource);
    for (const value of Object.values(row.selectableFields)) assert.equal(typeof value(object), 'string');
    row.strategy.applyDefaults(object);
    row.strategy.prepareForCreate(object);
    row.strategy.validate(object);
  }
});
