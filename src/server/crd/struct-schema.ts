import { schemaOf } from '../../api/schema/structure.ts';
import type { Field, Schema, StructSchema } from '../../machinery/schema.ts';
import type { SchemaNode } from './schema-node.ts';

const text: Schema = { type: 'string' };
const anything: Schema = { type: 'any' };

/** The structure of a custom resource for server-side apply: who owns what, and as how much at a time. */
export function structSchemaOf(root: SchemaNode): StructSchema {
  const schema = structOf(root);
  const fields = new Map(schema.fields);
  fields.set('apiVersion', { schema: text, required: false });
  fields.set('kind', { schema: text, required: false });
  fields.set('metadata', { schema: schemaOf('meta/v1.ObjectMeta'), required: false });
  return { ...schema, fields };
}

function structOf(node: SchemaNode): StructSchema {
  const fields = new Map<string, Field>();
  for (const [name, property] of node.properties) {
    fields.set(name, { schema: schemaOfNode(property), required: node.required.includes(name) });
  }
  if (node.embedded && !fields.has('metadata')) {
    fields.set('metadata', { schema: schemaOf('meta/v1.ObjectMeta'), required: false });
  }
  return { type: 'struct', name: '', fields, atomic: node.atomicMap, preserveUnknown: node.preserveUnknown };
}

function schemaOfNode(node: SchemaNode): Schema {
  if (node.intOrString) return { type: 'intstr' };
  switch (node.type) {
    case 'object':
      if (node.properties.size > 0 || node.preserveUnknown) return structOf(node);
      if (node.additional !== undefined) {
        return { type: 'map', values: schemaOfNode(node.additional), atomic: node.atomicMap };
      }
      return node.allowsAnyField ? { type: 'map', values: anything, atomic: node.atomicMap } : structOf(node);
    case 'array':
      return {
        type: 'list',
        items: node.items === undefined ? anything : schemaOfNode(node.items),
        listType: node.listType,
        listKeys: node.listKeys,
      };
    case 'string':
      return text;
    case 'boolean':
      return { type: 'bool' };
    case 'integer':
      return { type: 'int64' };
    case 'number':
      return { type: 'double' };
    default:
      return node.preserveUnknown ? structOf(node) : anything;
  }
}
