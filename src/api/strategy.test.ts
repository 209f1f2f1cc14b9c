import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UnknownObject } from '../machinery/meta.ts';
import { FieldPath } from './field-errors.ts';
import { defineStrategy, keepAllBut, statusStrategy } from './strategy.ts';

function object(fields: Record<string, unknown>, metadata: Record<string, unknown> = {}): UnknownObject {
  return { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'a', ...metadata }, ...fields };
}

const strategy = defineStrategy({
  generation: ['spec'],
  hasStatus: true,
  defaults(thing: UnknownObject) {
    thing['spec'] = { replicas: 1, ...(thing['spec'] as object) };
  },
});

test('a create drops the status and starts the generation', () => {
  const thing = object({ spec: {}, status: { phase: 'Done' } }, { generation: 7 });
  strategy.prepareForCreate(thing);
  assert.deepEqual(thing['status'], {});
  assert.equal(thing.metadata.generation, 1);
});

test('an update keeps the old status and raises the generation only for a changed spec', () => {
  const old = object({ spec: { replicas: 1 }, status: { phase: 'Done' } }, { generation: 3 });
  const shorter = object({ spec: {}, status: { phase: 'Forged' } }, { generation: 99 });
  strategy.applyDefaults(shorter);
  strategy.prepareForUpdate(shorter, old);
  assert.deepEqual(shorter['status'], { phase: 'Done' });
  assert.equal(shorter.metadata.generation, 3, 'defaults are not a change');
  const changed = object({ spec: { replicas: 2 } });
  strategy.prepareForUpdate(changed, old);
  assert.equal(changed.metadata.generation, 4);
});

test('a status update changes nothing but the status', () => {
  const old = object({ spec: { replicas: 1 }, status: {} }, { generation: 3, labels: { a: 'b' } });
  const changed = object({ spec: { replicas: 9 }, data: 'x', status: { phase: 'Done' } }, { generation: 8 });
  statusStrategy({ keepMetadata: ['labels'] }).prepareForUpdate(changed, old);
  assert.deepEqual(changed, { ...old, status: { phase: 'Done' } });
});

test('a field that was not there does not come in beside the part that is written', () => {
  const changed = object({ spec: {}, extra: true });
  keepAllBut(changed, object({}), 'spec');
  assert.deepEqual(Object.keys(changed).sort(), ['apiVersion', 'kind', 'metadata', 'spec']);
});

test('a path is written as upstream writes it', () => {
  const path = new FieldPath('spec').at('containers', 0).child('resources').child('limits').key('cpu');
  assert.equal(String(path), 'spec.containers[0].resources.limits[cpu]');
});

test('a spec that is left out is an empty one', () => {
  const withSpec = defineStrategy({ hasSpec: true });
  const thing = object({});
  withSpec.applyDefaults(thing);
  assert.deepEqual(thing['spec'], {});
});
