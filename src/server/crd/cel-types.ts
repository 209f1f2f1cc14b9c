import { requestBytesMax } from '../cel/cost-estimate.ts';
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  durationType,
  dynType,
  intType,
  stringType,
  timestampType,
} from '../cel/types.ts';
import type { SchemaNode } from './schema-node.ts';

/** The type that rules see of a value of this schema. `isResource`: the node is a whole object of the API. */
export function celTypeOf(node: SchemaNode, isResource = node.embedded): CelType {
  if (node.intOrString) return dynType;
  switch (node.type) {
    case 'boolean':
      return boolType;
    case 'integer':
      return intType;
    case 'number':
      return doubleType;
    case 'string':
      return stringTypeOf(node);
    case 'array':
      return listTypeOf(node);
    case 'object':
      return objectTypeOf(node, isResource);
    default:
      return dynType;
  }
}

function stringTypeOf({ written }: SchemaNode): CelType {
  switch (written.format) {
    case 'byte':
      return bytesType;
    case 'date':
    case 'date-time':
      return timestampType;
    case 'duration':
      return durationType;
  }
  const { maxLength } = written;
  if (maxLength !== undefined) return { kind: 'string', max: maxLength };
  const longest = written.enum?.reduce<number>((max, value) => Math.max(max, String(value).length), 0);
  return { kind: 'string', max: longest ?? requestBytesMax - 2 };
}

function listTypeOf(node: SchemaNode): CelType {
  const { items, listType, listKeys, written } = node;
  const max = written.maxItems ?? Math.floor(requestBytesMax / (items === undefined ? 2 : leastBytes(items) + 1));
  return {
    kind: 'list',
    element: items === undefined ? dynType : celTypeOf(items),
    ...(listType === 'atomic' ? {} : { listType, listKeys }),
    max,
  };
}

function objectTypeOf(node: SchemaNode, isResource: boolean): CelType {
  const { properties, additional, written } = node;
  if (additional !== undefined && properties.size === 0) {
    const max = written.maxProperties ?? Math.floor(requestBytesMax / (leastBytes(additional) + 5));
    return { kind: 'map', key: stringType, value: celTypeOf(additional), max };
  }
  if (properties.size === 0 && !isResource) return dynType;
  const fields = new Map<string, CelType>();
  for (const [name, property] of properties) fields.set(name, celTypeOf(property));
  if (isResource) {
    fields.set('apiVersion', stringType);
    fields.set('kind', stringType);
    const metadata = new Map<string, CelType>([
      ['name', stringType],
      ['generateName', stringType],
    ]);
    fields.set('metadata', { kind: 'object', name: 'object', fields: metadata });
  }
  return { kind: 'object', name: 'object', fields };
}

/** The shortest JSON that a value can be. */
function leastBytes(node: SchemaNode): number {
  switch (node.type) {
    case 'boolean':
      return 4;
    case 'integer':
    case 'number':
      return 1;
    case 'object': {
      let bytes = 2;
      for (const name of node.required) {
        const property = node.properties.get(name);
        bytes += name.length + 4 + (property === undefined ? 1 : leastBytes(property));
      }
      return bytes;
    }
    default:
      return 2;
  }
}

/** How often a node's rules may run in one object: once for each item of the lists and maps that hold it. */
export function itemsMax(node: SchemaNode): number {
  const type = celTypeOf(node);
  return type.kind === 'list' || type.kind === 'map' ? (type.max ?? 1) : 1;
}
