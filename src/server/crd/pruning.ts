import { schemaOf } from '../../api/schema/structure.ts';
import { isJsonObject, type JsonObject } from '../../machinery/json.ts';
import type { StructSchema } from '../../machinery/schema.ts';
import { decodeFields, type FieldCheck } from '../../machinery/unknown-fields.ts';
import type { SchemaNode } from './schema-node.ts';

const rootFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** Reads a custom resource as upstream's decoder does: metadata strictly, the rest pruned by the schema. */
export function decodeCustomResource(value: JsonObject, root: SchemaNode): FieldCheck {
  const { unknown, typeErrors } = decodeMetadata(value);
  const pruned: string[] = [];
  pruneNode(value, root, { isResource: true, path: '', unknown: pruned });
  return { unknown: [...pruned, ...unknown], typeErrors };
}

/** Takes out what the schema does not know. Answers whether there was any. */
export function pruneCustomResource(value: JsonObject, root: SchemaNode): boolean {
  const unknown: string[] = [];
  pruneNode(value, root, { isResource: true, path: '', unknown });
  return unknown.length > 0;
}

const metadataHolder: { schema?: StructSchema } = {};

function decodeMetadata(value: JsonObject): FieldCheck {
  metadataHolder.schema ??= {
    type: 'struct',
    name: '',
    atomic: false,
    fields: new Map([['metadata', { schema: schemaOf('meta/v1.ObjectMeta'), required: false }]]),
    preserveUnknown: true,
  };
  return decodeFields(value, metadataHolder.schema);
}

interface Place {
  /** An object of the API stands here, whose type and metadata are known without a schema. */
  readonly isResource: boolean;
  readonly path: string;
  readonly unknown: string[];
}

function pruneNode(value: unknown, node: SchemaNode, place: Place): void {
  if (Array.isArray(value)) {
    const { items } = node;
    if (items === undefined) return;
    for (let index = 0; index < value.length; index++) {
      const path = `${place.path}[${index}]`;
      pruneNode(value[index], items, { isResource: items.embedded, path, unknown: place.unknown });
    }
    return;
  }
  if (!isJsonObject(value)) return;
  if (place.isResource && place.path !== '') {
    // An object inside the object: its metadata is read like that of any other.
    for (const name of decodeMetadata(value).unknown) place.unknown.push(`${place.path}.${name}`);
  }
  for (const name of Object.keys(value)) {
    if (place.isResource && rootFields.has(name)) continue;
    const path = place.path === '' ? name : `${place.path}.${name}`;
    const below = node.properties.get(name) ?? node.additional;
    if (below !== undefined) {
      pruneNode(value[name], below, { isResource: below.embedded, path, unknown: place.unknown });
    } else if (!node.preserveUnknown && !node.allowsAnyField) {
      place.unknown.push(path);
      delete value[name];
    }
  }
}
