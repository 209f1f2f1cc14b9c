import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProtobuf } from './protobuf.ts';

// A little writer, so that the cases read as what a client sends.
const varint = (value: number | bigint): number[] => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return bytes;
};
const number = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];
const bytes = (field: number, value: readonly number[]): number[] => [
  ...varint((field << 3) | 2),
  ...varint(value.length),
  ...value,
];
const text = (field: number, value: string): number[] => bytes(field, [...Buffer.from(value)]);
const envelope = (apiVersion: string, kind: string, raw: readonly number[]): Buffer =>
  Buffer.from([...Buffer.from('k8s\0'), ...bytes(1, [...text(1, apiVersion), ...text(2, kind)]), ...bytes(2, raw)]);

const meta = (name: string): number[] => [
  ...text(1, name),
  ...text(2, ''),
  ...text(5, ''),
  ...number(7, 0),
  ...bytes(8, []),
];

test('a ConfigMap: maps, bytes, and what Go writes for unset fields left out', () => {
  const data = bytes(2, [...text(1, 'k'), ...text(2, 'v')]);
  const binary = bytes(3, [...text(1, 'b'), ...bytes(2, [1, 2, 3])]);
  const body = envelope('v1', 'ConfigMap', [...bytes(1, meta('a')), ...data, ...binary]);
  assert.deepEqual(decodeProtobuf(body), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a' },
    data: { k: 'v' },
    binaryData: { b: 'AQID' },
  });
});

test('a Deployment: a zero that was meant is kept, percent and number are told apart', () => {
  const rolling = bytes(2, [
    ...bytes(1, [...number(1, 1), ...number(2, 0), ...text(3, '25%')]),
    ...bytes(2, [...number(1, 0), ...number(2, 1), ...text(3, '')]),
  ]);
  const spec = [
    ...number(1, 0),
    ...bytes(4, [...text(1, 'RollingUpdate'), ...rolling]),
    ...number(5, 0),
    ...number(7, 0),
  ];
  const body = envelope('apps/v1', 'Deployment', [...bytes(1, meta('d')), ...bytes(2, spec)]);
  assert.deepEqual(decodeProtobuf(body)['spec'], {
    replicas: 0,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: 1 } },
  });
});

test('a Pod: messages that JSON has in the outer object, quantities, negative numbers', () => {
  const source = bytes(2, bytes(2, text(1, 'Memory')));
  const volume = bytes(1, [...text(1, 'v'), ...source]);
  const limits = bytes(8, bytes(1, [...text(1, 'cpu'), ...bytes(2, text(1, '500m'))]));
  const probe = bytes(10, [...bytes(1, bytes(1, text(1, 'true'))), ...number(2, 0), ...number(4, 5)]);
  const container = bytes(2, [...text(1, 'c'), ...text(2, 'i'), ...limits, ...probe, ...number(16, 0)]);
  const priority = [...varint(25 << 3), ...varint(-10n)];
  const body = envelope('v1', 'Pod', [...bytes(1, meta('p')), ...bytes(2, [...volume, ...container, ...priority])]);
  assert.deepEqual(decodeProtobuf(body)['spec'], {
    volumes: [{ name: 'v', emptyDir: { medium: 'Memory' } }],
    containers: [
      {
        name: 'c',
        image: 'i',
        resources: { limits: { cpu: '500m' } },
        livenessProbe: { exec: { command: ['true'] }, periodSeconds: 5 },
      },
    ],
    priority: -10,
  });
});

test('a key named __proto__ is a key like any other', () => {
  const body = envelope('v1', 'ConfigMap', bytes(2, [...text(1, '__proto__'), ...text(2, 'x')]));
  const data = decodeProtobuf(body)['data'] as object;
  assert.deepEqual(Object.keys(data), ['__proto__']);
});

const broken: [string, Buffer, RegExp][] = [
  ['no magic', Buffer.from('{}'), /does not begin with the protobuf magic/],
  ['an unknown kind', envelope('v1', 'Nothing', []), /no kind "Nothing" is registered for version "v1"/],
  [
    'a length past the end',
    Buffer.concat([Buffer.from('k8s\0'), Buffer.from([0x12, 0x7f, 0x01])]),
    /ends inside a field/,
  ],
];
for (const [name, body, message] of broken) {
  test(`${name} is said to be so`, () => assert.throws(() => decodeProtobuf(body), message));
}
