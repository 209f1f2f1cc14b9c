import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UnknownObject } from '../machinery/meta.ts';
import { formatGroupResource } from '../machinery/meta.ts';
import { builtinResources } from './registry.ts';
import type { ResourceDefinition } from './resource.ts';

/** What a client may send at the least: the decoder lets it through, so no rule may trip over what is not there. */
function bare({ group, version, kind }: ResourceDefinition): UnknownObject {
  return { apiVersion: group === '' ? version : `${group}/${version}`, kind, metadata: { name: 'x', uid: 'u' } };
}

function create(row: ResourceDefinition): UnknownObject {
  const object = bare(row);
  row.strategy.applyDefaults(object);
  row.strategy.prepareForCreate(object);
  return object;
}

describe('built-in rows', () => {
  for (const row of builtinResources) {
    const name = `${formatGroupResource(row)}/${row.version}`;
    it(`${name} takes an object without any content`, () => {
      const errors = row.strategy.validate(create(row));
      for (const error of errors) assert.equal(typeof error.field, 'string');
      const old = create(row);
      const updated = bare(row);
      row.strategy.applyDefaults(updated);
      row.strategy.prepareForUpdate(updated, old);
      row.strategy.validateUpdate(updated, old);
      row.strategy.warnings?.(updated, old);
      for (const subresource of row.subresources) {
        const written = bare(row);
        subresource.strategy?.prepareForUpdate(written, old);
        subresource.strategy?.validateUpdate(written, old);
      }
    });

    it(`${name} shows an object without any content`, () => {
      const object = create(row);
      for (const column of row.columns) assert.doesNotThrow(() => column.value(object, 0), column.name);
      for (const [path, read] of Object.entries(row.selectableFields))
        assert.equal(typeof read(object), 'string', path);
    });

    it(`${name} has a schema of its kind`, () => {
      assert.ok(row.schema.fields.has('metadata'), 'metadata');
      assert.ok(row.schema.name.endsWith(`.${row.kind}`), row.schema.name);
    });
  }

  it('name every resource once', () => {
    const names = builtinResources.map((row) => `${row.group}/${row.version}/${row.resource}`);
    assert.equal(new Set(names).size, names.length);
  });

  it('store converted kinds under rows that exist', () => {
    for (const { storedAs } of builtinResources) {
      if (storedAs === undefined) continue;
      const target = builtinResources.find(
        (row) => row.group === storedAs.group && row.version === storedAs.version && row.resource === storedAs.resource,
      );
      assert.ok(target !== undefined && target.storedAs === undefined, storedAs.resource);
    }
  });
});
