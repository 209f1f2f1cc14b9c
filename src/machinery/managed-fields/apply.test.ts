import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clone } from '../json.ts';
import type { UnknownObject } from '../meta.ts';
import type { Field, Schema, StructSchema } from '../schema.ts';
import { isApiError } from '../status-error.ts';
import { apply } from './apply.ts';
import { trackUpdate } from './track-update.ts';

const string: Schema = { type: 'string' };
const int: Schema = { type: 'int32' };

function struct(fields: Record<string, Schema | Field>, atomic = false): StructSchema {
  const entries = Object.entries(fields).map(([name, value]): [string, Field] => [
    name,
    'schema' in value ? value : { schema: value, required: false },
  ]);
  return { type: 'struct', name: 'test.v1.Thing', atomic, fields: new Map(entries) };
}

function listMap(items: Schema, ...listKeys: string[]): Schema {
  return { type: 'list', items, listType: 'map', listKeys };
}

const strings: Schema = { type: 'map', values: string, atomic: false };
const port = struct({ containerPort: int, protocol: string, name: string });
const container = struct({
  name: string,
  image: string,
  args: { type: 'list', items: string, listType: 'atomic', listKeys: [] },
  env: listMap(struct({ name: string, value: string }), 'name'),
  ports: listMap(port, 'containerPort', 'protocol'),
});
const schema = struct({
  apiVersion: string,
  kind: string,
  metadata: struct({
    name: string,
    namespace: string,
    generateName: string,
    uid: string,
    labels: strings,
    annotations: strings,
    finalizers: { type: 'list', items: string, listType: 'set', listKeys: [] },
    managedFields: { type: 'any' },
  }),
  spec: struct({
    replicas: int,
    paused: { type: 'bool' },
    selector: struct({ matchLabels: strings }, true),
    containers: { schema: listMap(container, 'name'), required: true },
  }),
  status: struct({ ready: int }),
});

const now = Date.UTC(2026, 0, 2, 3, 4, 5);
const later = now + 60_000;

function thing(rest: Record<string, unknown> & { metadata?: Record<string, unknown> }): UnknownObject {
  return { apiVersion: 'apps/v1', kind: 'Thing', ...rest, metadata: { name: 'x', ...rest.metadata } } as UnknownObject;
}

interface Write {
  readonly manager?: string;
  readonly force?: boolean;
  readonly subresource?: string;
  readonly now?: number;
  readonly apiVersion?: string;
  readonly hasStatusSubresource?: boolean;
}

function applied(live: UnknownObject | undefined, configuration: UnknownObject, write: Write = {}): UnknownObject {
  const frozen = JSON.stringify(live);
  const { object } = apply({
    live,
    applied: configuration,
    schema,
    manager: 'kubectl',
    apiVersion: 'apps/v1',
    force: false,
    subresource: '',
    now,
    ...write,
  });
  assert.equal(JSON.stringify(live), frozen, 'the live object is not changed');
  return object;
}

function updated(live: UnknownObject | undefined, object: UnknownObject, write: Write = {}): UnknownObject {
  const next = clone(object);
  trackUpdate({
    live,
    updated: next,
    schema,
    manager: 'edit',
    operation: 'Update',
    apiVersion: 'apps/v1',
    subresource: '',
    now,
    ...write,
  });
  return next;
}

function owners(object: UnknownObject): Record<string, unknown> {
  return Object.fromEntries(
    (object.metadata.managedFields ?? []).map(({ manager, operation, subresource, fieldsV1 }) => [
      `${manager}/${operation}${subresource === undefined ? '' : `/${subresource}`}`,
      fieldsV1,
    ]),
  );
}

function conflictOf(run: () => unknown): { message: string; causes: unknown } {
  try {
    run();
  } catch (error) {
    if (!isApiError(error)) throw error;
    assert.equal(error.code, 409);
    assert.equal(error.status.reason, 'Conflict');
    return { message: error.message, causes: error.status.details?.causes };
  }
  return assert.fail('nothing conflicted');
}

describe('trackUpdate', () => {
  it('gives a creator every field, inner nodes as upstream writes them', () => {
    const object = updated(
      undefined,
      thing({
        metadata: { generateName: 'x-', uid: '1', labels: { a: 'b' } },
        spec: {
          replicas: 1,
          selector: { matchLabels: { a: 'b' } },
          containers: [{ name: 'c', image: 'i', args: ['1'], ports: [{ containerPort: 80 }] }],
        },
        status: {},
      }),
    );
    assert.deepEqual(object.metadata.managedFields, [
      {
        apiVersion: 'apps/v1',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:generateName': {}, 'f:labels': { '.': {}, 'f:a': {} } },
          'f:spec': {
            'f:replicas': {},
            'f:selector': {},
            'f:containers': {
              'k:{"name":"c"}': {
                '.': {},
                'f:name': {},
                'f:image': {},
                'f:args': {},
                'f:ports': {
                  '.': {},
                  'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
                },
              },
            },
          },
        },
        manager: 'edit',
        operation: 'Update',
        time: '2026-01-02T03:04:05Z',
      },
    ]);
  });

  it('moves what is changed to the writer and keeps the rest', () => {
    const live = updated(undefined, thing({ metadata: { labels: { a: '1', b: '1' } }, spec: { replicas: 1 } }));
    const next = clone(live);
    next.metadata.labels = { a: '1', b: '2', c: '3' };
    const object = updated(live, next, { manager: 'other', now: later });
    assert.deepEqual(owners(object), {
      'edit/Update': { 'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } }, 'f:spec': { 'f:replicas': {} } },
      'other/Update': { 'f:metadata': { 'f:labels': { 'f:b': {}, 'f:c': {} } } },
    });
    assert.equal(object.metadata.managedFields?.[1]?.time, '2026-01-02T03:05:05Z');
  });

  it('takes removed fields from every owner and leaves no empty one', () => {
    const live = updated(undefined, thing({ spec: { replicas: 1 } }));
    const next = thing({ spec: { paused: true } });
    assert.deepEqual(owners(updated(live, next, { manager: 'other' })), {
      'other/Update': { 'f:spec': { 'f:paused': {} } },
    });
  });

  it('changes nothing when nothing changed', () => {
    const live = updated(undefined, thing({ spec: { replicas: 1 } }));
    const object = updated(live, clone(live), { manager: 'other', now: later });
    assert.equal(JSON.stringify(object), JSON.stringify(live));
  });

  it('keeps the owners when the client leaves them out or sends an empty list', () => {
    const live = updated(undefined, thing({ spec: { replicas: 1 } }));
    for (const managedFields of [undefined, []]) {
      const object = updated(live, thing({ metadata: { managedFields }, spec: { replicas: 1 } }));
      assert.deepEqual(object.metadata.managedFields, live.metadata.managedFields);
    }
  });

  it('forgets all owners when the client sends one empty entry', () => {
    const live = updated(undefined, thing({ spec: { replicas: 1 } }));
    const object = updated(live, thing({ metadata: { managedFields: [{}] }, spec: { replicas: 1 } }));
    assert.equal(object.metadata.managedFields, undefined);
  });

  it('keeps a status writer apart from the writer of the object', () => {
    const live = updated(undefined, thing({ spec: { replicas: 1 } }));
    const object = updated(live, { ...clone(live), status: { ready: 1 } }, { subresource: 'status' });
    assert.deepEqual(owners(object), {
      'edit/Update': { 'f:spec': { 'f:replicas': {} } },
      'edit/Update/status': { 'f:status': { '.': {}, 'f:ready': {} } },
    });
  });

  it('keeps at most ten updaters', () => {
    let live = updated(undefined, thing({ metadata: { labels: { m: 'x' } } }));
    for (let index = 0; index < 14; index++) {
      const next = clone(live);
      next.metadata.labels = { ...next.metadata.labels, [`l${index}`]: 'x' };
      live = updated(live, next, { manager: `m${index}`, now: now + index * 1000 });
    }
    const entries = live.metadata.managedFields ?? [];
    assert.equal(entries.length, 10);
    const ancient = entries.find(({ manager }) => manager === 'ancient-changes');
    const labels = ['.', 'f:m', 'f:l0', 'f:l1', 'f:l2', 'f:l3', 'f:l4'].map((element) => [element, {}]);
    assert.deepEqual(ancient?.fieldsV1, { 'f:metadata': { 'f:labels': Object.fromEntries(labels) } });
  });
});

describe('apply', () => {
  it('creates with the fields that were sent, without inner nodes', () => {
    const object = applied(
      undefined,
      thing({ metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }),
    );
    assert.deepEqual(owners(object), {
      'kubectl/Apply': {
        'f:metadata': { 'f:labels': { 'f:a': {} } },
        'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:name': {}, 'f:image': {} } } },
      },
    });
  });

  it('leaves what others set', () => {
    const live = updated(undefined, thing({ metadata: { labels: { theirs: '1' } }, spec: { paused: true } }));
    const object = applied(live, thing({ metadata: { labels: { mine: '2' } }, spec: { replicas: 3 } }));
    assert.deepEqual(object.metadata.labels, { theirs: '1', mine: '2' });
    assert.deepEqual(object['spec'], { paused: true, replicas: 3 });
  });

  it('removes what it set before and nobody else owns', () => {
    const first = applied(
      undefined,
      thing({
        metadata: { labels: { a: '1', b: '1' } },
        spec: { replicas: 1, containers: [{ name: 'c', env: [{ name: 'E', value: '1' }] }, { name: 'd' }] },
      }),
    );
    const second = applied(first, thing({ metadata: { labels: { a: '1' } }, spec: { containers: [{ name: 'c' }] } }));
    assert.deepEqual(second.metadata.labels, { a: '1' });
    assert.deepEqual(second['spec'], { containers: [{ name: 'c' }] });
  });

  it('keeps what it no longer sets and another applier does', () => {
    const first = applied(undefined, thing({ spec: { replicas: 1, paused: true } }));
    const shared = applied(first, thing({ spec: { replicas: 1 } }), { manager: 'other' });
    const object = applied(shared, thing({ spec: { paused: true } }));
    assert.deepEqual(object['spec'], { replicas: 1, paused: true });
    assert.deepEqual(owners(object), {
      'kubectl/Apply': { 'f:spec': { 'f:paused': {} } },
      'other/Apply': { 'f:spec': { 'f:replicas': {} } },
    });
  });

  it('removes a list item only with its own keys, whatever the server added to it', () => {
    const first = applied(undefined, thing({ spec: { containers: [{ name: 'a' }, { name: 'b' }] } }));
    const defaulted = clone(first);
    defaulted['spec'] = { containers: [{ name: 'a' }, { name: 'b', image: 'defaulted' }] };
    assert.deepEqual(applied(defaulted, thing({ spec: { containers: [{ name: 'a' }] } }))['spec'], {
      containers: [{ name: 'a' }],
    });
  });

  it('refuses to overwrite what another manager set', () => {
    const live = updated(undefined, thing({ spec: { replicas: 1, containers: [{ name: 'c', image: 'i' }] } }));
    assert.deepEqual(
      conflictOf(() => applied(live, thing({ spec: { replicas: 2 } }))),
      {
        message: 'Apply failed with 1 conflict: conflict with "edit" using apps/v1: .spec.replicas',
        causes: [
          { reason: 'FieldManagerConflict', message: 'conflict with "edit" using apps/v1', field: '.spec.replicas' },
        ],
      },
    );
    const { message } = conflictOf(() =>
      applied(live, thing({ spec: { replicas: 2, containers: [{ name: 'c', image: 'j' }] } })),
    );
    assert.equal(
      message,
      'Apply failed with 2 conflicts: conflicts with "edit" using apps/v1:\n- .spec.containers[name="c"].image\n- .spec.replicas',
    );
  });

  it('does not conflict over equal values and shares them', () => {
    const live = updated(undefined, thing({ spec: { replicas: 1 } }));
    assert.deepEqual(owners(applied(live, thing({ spec: { replicas: 1 } }))), {
      'kubectl/Apply': { 'f:spec': { 'f:replicas': {} } },
      'edit/Update': { 'f:spec': { 'f:replicas': {} } },
    });
  });

  it('takes a field over by force', () => {
    const live = updated(undefined, thing({ spec: { replicas: 1, paused: true } }));
    const object = applied(live, thing({ spec: { replicas: 2 } }), { force: true });
    assert.deepEqual(owners(object), {
      'kubectl/Apply': { 'f:spec': { 'f:replicas': {} } },
      'edit/Update': { 'f:spec': { 'f:paused': {} } },
    });
  });

  it('names the subresource of the manager in the way', () => {
    const live = updated(undefined, thing({ spec: { replicas: 1 } }), { subresource: 'scale' });
    const { message } = conflictOf(() => applied(live, thing({ spec: { replicas: 2 } })));
    assert.match(message, /conflict with "edit" with subresource "scale" using apps\/v1: \.spec\.replicas$/);
  });

  it('changes nothing, not even the time, when applied again', () => {
    const configuration = thing({ metadata: { labels: { a: '1' } }, spec: { replicas: 1 } });
    const first = applied(undefined, configuration);
    assert.deepEqual(applied(first, configuration, { now: later }), first);
  });

  it('replaces atomic lists and structs as a whole', () => {
    const first = applied(
      undefined,
      thing({ spec: { selector: { matchLabels: { a: '1' } }, containers: [{ name: 'c', args: ['1', '2'] }] } }),
    );
    const second = applied(
      first,
      thing({ spec: { selector: { matchLabels: { b: '1' } }, containers: [{ name: 'c', args: ['3'] }] } }),
    );
    assert.deepEqual(second['spec'], {
      selector: { matchLabels: { b: '1' } },
      containers: [{ name: 'c', args: ['3'] }],
    });
  });

  it('knows an item whose protocol is the default one', () => {
    const first = applied(
      undefined,
      thing({ spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, name: 'a' }] }] } }),
    );
    const defaulted = clone(first);
    defaulted['spec'] = { containers: [{ name: 'c', ports: [{ containerPort: 80, name: 'a', protocol: 'TCP' }] }] };
    const second = applied(
      defaulted,
      thing({
        spec: {
          containers: [
            {
              name: 'c',
              ports: [
                { containerPort: 80, name: 'b' },
                { containerPort: 80, protocol: 'UDP' },
              ],
            },
          ],
        },
      }),
    );
    assert.deepEqual(second['spec'], {
      containers: [
        {
          name: 'c',
          ports: [
            { containerPort: 80, name: 'b', protocol: 'TCP' },
            { containerPort: 80, protocol: 'UDP' },
          ],
        },
      ],
    });
  });

  it('adds to sets and takes from them', () => {
    const live = updated(undefined, thing({ metadata: { finalizers: ['theirs'] } }));
    const first = applied(live, thing({ metadata: { finalizers: ['mine'] } }));
    assert.deepEqual(first.metadata.finalizers, ['theirs', 'mine']);
    assert.deepEqual(applied(first, thing({})).metadata.finalizers, ['theirs']);
  });

  it('keeps the name when the last owner of the metadata gives it up', () => {
    const live = applied(undefined, thing({ metadata: { labels: { a: '1' } } }));
    const object = applied(live, thing({}));
    assert.deepEqual([object.metadata.name, object.metadata.labels], ['x', undefined]);
  });

  it('keeps items of others in their place', () => {
    const live = updated(undefined, thing({ spec: { containers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] } }));
    const object = applied(live, thing({ spec: { containers: [{ name: 'b' }, { name: 'd' }] } }));
    const names = (object['spec'] as { containers: { name: string }[] }).containers.map(({ name }) => name);
    assert.deepEqual(names, ['a', 'b', 'c', 'd']);
  });

  it('ignores the status, and the spec on the status subresource', () => {
    const first = applied(undefined, thing({ spec: { replicas: 1 }, status: { ready: 5 } }));
    assert.equal(first['status'], undefined);
    const second = applied(first, thing({ spec: { replicas: 7 }, status: { ready: 1 } }), { subresource: 'status' });
    assert.deepEqual(second['spec'], { replicas: 1 });
    assert.deepEqual(owners(second)['kubectl/Apply/status'], { 'f:status': { 'f:ready': {} } });
  });

  it('takes the status for a part like any other where it is no subresource', () => {
    const object = applied(undefined, thing({ status: { ready: 5 } }), { hasStatusSubresource: false });
    assert.deepEqual(object['status'], { ready: 5 });
  });

  it('lets kubectl overwrite what its own last-applied annotation set', () => {
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
    const configuration = thing({ spec: { replicas: 1 } });
    const live = updated(
      undefined,
      thing({ metadata: { annotations: { [annotation]: JSON.stringify(configuration) } }, spec: { replicas: 1 } }),
      { manager: 'kubectl-client-side-apply' },
    );
    const object = applied(live, thing({ spec: { replicas: 2 } }));
    assert.deepEqual(object['spec'], { replicas: 2 });
    assert.equal(JSON.parse(object.metadata.annotations?.[annotation] ?? '').spec.replicas, 2);
    conflictOf(() => applied(live, thing({ spec: { replicas: 2 } }), { manager: 'other' }));
  });

  it('finds an owner for an object that has none recorded', () => {
    const { message } = conflictOf(() => applied(thing({ spec: { replicas: 1 } }), thing({ spec: { replicas: 2 } })));
    assert.equal(
      message,
      'Apply failed with 1 conflict: conflict with "before-first-apply" using apps/v1: .spec.replicas',
    );
  });
});
