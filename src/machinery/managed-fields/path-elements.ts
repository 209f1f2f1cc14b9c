import { isJsonObject } from '../json.ts';
import type { Field, ListSchema, Schema, StructSchema } from '../schema.ts';

/** `f:name`, made once a name: objects of one kind use the same few hundred over and over. */
export function fieldElement(name: string): string {
  let element = known.get(name);
  if (element === undefined) {
    element = `f:${name}`;
    if (known.size < knownMax) known.set(name, element);
  }
  return element;
}

const known = new Map<string, string>();
const knownMax = 20_000;

/** How the item of a granular list is known: by its key fields, or by its own value. */
export function itemElement(item: unknown, { listType, listKeys }: ListSchema): string {
  if (listType === 'set' || !isJsonObject(item)) return `v:${JSON.stringify(item)}`;
  const [first = ''] = listKeys;
  if (listKeys.length === 1) return `k:{${JSON.stringify(first)}:${keyText(item[first])}}`;
  const parts: string[] = [];
  for (const key of sortedKeys(listKeys)) {
    const value = item[key] ?? defaultKeyValue(key);
    if (value !== undefined) parts.push(`${JSON.stringify(key)}:${keyText(value)}`);
  }
  return `k:{${parts.join(',')}}`;
}

function keyText(value: unknown): string {
  return JSON.stringify(value ?? '');
}

/** Of all list keys of the API only `protocol` may be left out of an item. */
function defaultKeyValue(key: string): unknown {
  return key === 'protocol' ? 'TCP' : undefined;
}

const sorted = new WeakMap<readonly string[], readonly string[]>();

function sortedKeys(keys: readonly string[]): readonly string[] {
  let found = sorted.get(keys);
  if (found === undefined) {
    found = [...keys].sort();
    sorted.set(keys, found);
  }
  return found;
}

/** Owned as one value, whatever is inside. */
export function isAtomic(schema: Schema, field: Field | undefined): boolean {
  if (field?.atomic === true) return true;
  switch (schema.type) {
    case 'struct':
    case 'map':
      return schema.atomic;
    case 'list':
      return schema.listType === 'atomic';
    default:
      return true;
  }
}

const untyped: Schema = { type: 'any' };
const untypedField: Field = { schema: untyped, required: false };

/** The field of a struct; one that the schema does not know (kept by a CRD) counts as any JSON. */
export function fieldOf(schema: StructSchema, name: string): Field {
  return schema.fields.get(name) ?? untypedField;
}
