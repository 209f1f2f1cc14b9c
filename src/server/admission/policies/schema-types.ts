import type { Schema, StructSchema } from '../../../machinery/schema.ts';
import {
  boolType,
  type CelType,
  doubleType,
  dynType,
  intType,
  listOf,
  mapOf,
  type ObjectType,
  stringType,
} from '../../cel/types.ts';

const known = new WeakMap<StructSchema, ObjectType>();

/** What an expression may read of an object of this schema. Text that stands for something (a time) is not typed. */
export function objectTypeOf(schema: StructSchema): ObjectType {
  let type = known.get(schema);
  if (type === undefined) {
    const fields = new Map<string, CelType>();
    // Remembered before its fields are: a type may hold itself.
    type = { kind: 'object', name: 'object', fields };
    known.set(schema, type);
    for (const [name, field] of schema.fields) fields.set(name, celTypeOf(field.schema));
  }
  return type;
}

function celTypeOf(schema: Schema): CelType {
  switch (schema.type) {
    case 'struct':
      return schema.preserveUnknown === true ? dynType : objectTypeOf(schema);
    case 'list':
      return listOf(celTypeOf(schema.items));
    case 'map':
      return mapOf(stringType, celTypeOf(schema.values));
    case 'string':
      return stringType;
    case 'bool':
      return boolType;
    case 'int32':
    case 'int64':
      return intType;
    case 'double':
      return doubleType;
    default:
      return dynType;
  }
}
