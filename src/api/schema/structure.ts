import type { Field, ListSchema, ScalarType, Schema, StructSchema } from '../../machinery/schema.ts';
import { structureText } from './structure-text.ts';

/** What one `type` line says. */
export interface Definition {
  /** `io.k8s.api.core.v1.Pod` */
  readonly name: string;
  /** `core/v1.Pod`, the name rows and other definitions use. */
  readonly shortName: string;
  /** Set on a type that can stand alone. */
  readonly gvk?: { readonly group: string; readonly version: string; readonly kind: string };
  readonly schema: StructSchema;
}

const scalarTypes: ReadonlySet<string> = new Set<ScalarType>([
  'string',
  'bool',
  'int32',
  'int64',
  'double',
  'bytes',
  'time',
  'microtime',
  'quantity',
  'intstr',
  'object',
  'any',
]);

/** Every built-in definition by its short name (`core/v1.Pod`). Parsed once, on import. */
export const definitions: ReadonlyMap<string, Definition> = parseStructure(structureText);

/** The schema of a definition by short name; throws on a name the text does not have, which is a bug in a row. */
export function schemaOf(shortName: string): StructSchema {
  const found = definitions.get(shortName);
  if (found === undefined) throw new Error(`No definition ${shortName} in api/schema/structure-text.ts`);
  return found.schema;
}

type MutableStruct = StructSchema & { readonly fields: Map<string, Field>; atomic: boolean };

function parseStructure(text: string): Map<string, Definition> {
  const structs = new Map<string, MutableStruct>();
  const found = new Map<string, Definition>();
  let prefix = '';
  let alias = '';
  let current: MutableStruct | undefined;

  const structNamed = (shortName: string): MutableStruct => {
    let struct = structs.get(shortName);
    if (struct === undefined) {
      struct = { type: 'struct', name: '', fields: new Map(), atomic: false };
      structs.set(shortName, struct);
    }
    return struct;
  };
  const schemaFor = (type: string, list: { listType: ListSchema['listType']; listKeys: string[] }): Schema => {
    if (type.startsWith('[]')) return { type: 'list', items: schemaFor(type.slice(2), atomicList()), ...list };
    if (type.startsWith('map[')) {
      return { type: 'map', values: schemaFor(type.slice(4, -1), atomicList()), atomic: list.listType === 'atomic' };
    }
    if (scalarTypes.has(type)) return { type: type as ScalarType };
    return structNamed(type.includes('.') ? type : `${alias}.${type}`);
  };

  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const words = line.trim().split(' ');
    if (line.startsWith('group ')) {
      prefix = words[1] ?? '';
      alias = words[2] ?? '';
    } else if (line.startsWith('type ')) {
      const kind = words[1] ?? '';
      const shortName = `${alias}.${kind}`;
      current = Object.assign(structNamed(shortName), { name: `${prefix}.${kind}`, atomic: words.includes('atomic') });
      const gv = words.find((word) => word.startsWith('kind='))?.slice(5);
      found.set(shortName, {
        name: current.name,
        shortName,
        schema: current,
        ...(gv === undefined ? {} : { gvk: { ...splitGroupVersion(gv), kind } }),
      });
    } else if (current !== undefined) {
      current.fields.set((words[0] ?? '').replace('!', ''), parseField(words, schemaFor));
    }
  }
  return found;
}

function parseField(
  words: string[],
  schemaFor: (type: string, list: { listType: ListSchema['listType']; listKeys: string[] }) => Schema,
): Field {
  const [name = '', type = '', ...attributes] = words;
  const isMap = type.startsWith('map[');
  const list = isMap ? { listType: 'set' as ListSchema['listType'], listKeys: [] as string[] } : atomicList();
  let atomic = false;
  let patch: Partial<Pick<Field, 'patchStrategy' | 'patchMergeKey'>> = {};
  for (const attribute of attributes) {
    if (attribute === 'set') list.listType = 'set';
    else if (attribute === 'atomic') {
      list.listType = 'atomic';
      atomic = !type.startsWith('[]');
    } else if (attribute.startsWith('map(')) {
      list.listType = 'map';
      list.listKeys = attribute.slice(4, -1).split(',');
    } else if (attribute.startsWith('patch=')) patch = parsePatch(attribute.slice(6));
  }
  return {
    schema: schemaFor(type, list),
    required: name.endsWith('!'),
    ...(atomic ? { atomic } : {}),
    ...patch,
  };
}

function parsePatch(text: string): Partial<Pick<Field, 'patchStrategy' | 'patchMergeKey'>> {
  const [strategies = '', key] = text.replace(')', '').split('(');
  const patchStrategy = strategies.split(',') as ('merge' | 'replace' | 'retainKeys')[];
  return key === undefined ? { patchStrategy } : { patchStrategy, patchMergeKey: key };
}

function atomicList(): { listType: ListSchema['listType']; listKeys: string[] } {
  return { listType: 'atomic', listKeys: [] };
}

function splitGroupVersion(gv: string): { group: string; version: string } {
  const slash = gv.indexOf('/');
  return slash < 0 ? { group: '', version: gv } : { group: gv.slice(0, slash), version: gv.slice(slash + 1) };
}
