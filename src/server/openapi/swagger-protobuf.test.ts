import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeSwagger } from './swagger-protobuf.ts';

/** Field number -> payloads, of a message that has only length-delimited fields. */
function decode(bytes: Uint8Array): Map<number, Buffer[]> {
  const fields = new Map<number, Buffer[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    assert.equal(tag % 8, 2, 'length-delimited');
    const length = varint();
    const field = Math.floor(tag / 8);
    fields.set(field, [...(fields.get(field) ?? []), Buffer.from(bytes.subarray(at, at + length))]);
    at += length;
  }
  return fields;
}

function at(bytes: Uint8Array, ...path: number[]): Buffer {
  return path.reduce<Buffer>((value, field) => decode(value).get(field)?.[0] ?? Buffer.alloc(0), Buffer.from(bytes));
}

describe('swagger in protobuf', () => {
  const long = 'x'.repeat(300);
  const bytes = encodeSwagger({
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1' },
    paths: {
      '/api/v1/pods/{name}': {
        parameters: [{ name: 'name', in: 'path', type: 'string', required: true }],
        patch: { operationId: 'patchPod', 'x-kubernetes-action': 'patch', parameters: [{ name: 'body', in: 'body' }] },
      },
    },
    definitions: { Pod: { description: long, type: 'object', properties: { spec: { $ref: '#/definitions/Spec' } } } },
  });

  it('puts definitions and what they refer to where client-go looks', () => {
    const definition = at(bytes, 9, 1);
    assert.equal(at(definition, 1).toString(), 'Pod');
    const schema = at(definition, 2);
    assert.equal(at(schema, 4).toString(), long);
    assert.equal(at(schema, 22, 1).toString(), 'object');
    assert.equal(at(schema, 25, 1, 1).toString(), 'spec');
    assert.equal(at(schema, 25, 1, 2, 1).toString(), '#/definitions/Spec');
  });

  it('carries extensions as YAML text', () => {
    const patch = at(bytes, 8, 2, 2, 8);
    assert.equal(at(patch, 5).toString(), 'patchPod');
    assert.equal(at(patch, 13, 1).toString(), 'x-kubernetes-action');
    assert.equal(at(patch, 13, 2, 2).toString(), '"patch"');
  });

  it('tells body parameters from others', () => {
    const item = at(bytes, 8, 2, 2);
    assert.equal(at(item, 8, 8, 1, 1, 2).toString(), 'body');
    const path = at(item, 9, 1, 2, 4);
    assert.ok(path.includes('name'));
  });
});
