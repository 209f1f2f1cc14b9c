import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProtobuf } from './protobuf.ts';
import { encodeProtobuf, encodeWatchFrame } from './protobuf-encoding.ts';

const metadata = {
  name: 'a',
  namespace: 'default',
  creationTimestamp: '2026-01-02T03:04:05Z',
  labels: { app: 'a', __proto__x: 'b' },
  managedFields: [{ manager: 'm', operation: 'Update', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': {} } }],
};

const objects: Record<string, Record<string, unknown>> = {
  'maps and bytes': { apiVersion: 'v1', kind: 'Secret', metadata, data: { k: 'AQID' }, type: 'Opaque' },
  'nested messages, quantities, intstr and embedded messages': {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: {
      terminationGracePeriodSeconds: 30,
      containers: [
        {
          name: 'c',
          image: 'nginx:1',
          resources: { limits: { cpu: '100m' } },
          livenessProbe: { httpGet: { port: 'http', path: '/' }, periodSeconds: 10 },
          readinessProbe: { tcpSocket: { port: 80 } },
          securityContext: { runAsUser: -1, privileged: false },
        },
      ],
      volumes: [{ name: 'v', configMap: { name: 'x', defaultMode: 420 } }],
    },
  },
  microseconds: {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata,
    spec: { holderIdentity: 'n', renewTime: '2026-01-02T03:04:05.123456Z' },
  },
  'schemas inside a definition': {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      names: { plural: 'things', kind: 'Thing' },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                n: { type: 'number', maximum: 1.5, default: 1 },
                l: { type: 'array', items: { type: 'string' } },
                m: { type: 'object', additionalProperties: { type: 'string' } },
                b: { type: 'object', additionalProperties: true },
              },
            },
          },
        },
      ],
    },
  },
};

for (const [name, object] of Object.entries(objects)) {
  test(`${name} come back as they were`, () => {
    const bytes = encodeProtobuf(object);
    assert.ok(bytes);
    assert.deepEqual(decodeProtobuf(bytes), object);
  });
}

test('a list holds its items without their kind', () => {
  const items = [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }];
  const bytes = encodeProtobuf({ apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: '7' }, items });
  assert.equal(
    bytes?.toString('hex'),
    // magic; typeMeta { v1, ConfigMapList }; raw { metadata { resourceVersion 7 }, items { metadata { name a } } }
    `6b387300${'0a13'}${'0a027631'}${'120d'}${Buffer.from('ConfigMapList').toString('hex')}` +
      `${'120c'}${'0a03'}${'120137'}${'1205'}${'0a03'}${'0a0161'}${'1a00'}${'2200'}`,
  );
});

test('a watch frame is its length and the event', () => {
  const frame = encodeWatchFrame('ADDED', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } });
  assert.ok(frame);
  assert.equal(frame.readUInt32BE(), frame.length - 4);
  assert.equal(frame.subarray(4, 11).toString('latin1'), '\n\x05ADDED');
});

test('what has no protobuf form is not written', () => {
  assert.equal(encodeProtobuf({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: {} }), undefined);
  assert.equal(encodeProtobuf({ apiVersion: 'example.com/v1', kind: 'ThingList', metadata: {}, items: [] }), undefined);
});
