import type { CustomResourceColumnDefinition } from '../../api/apiextensions/v1/types.generated.ts';
import { ageCell, ageColumn, nameColumn } from '../../api/columns.ts';
import type { Column } from '../../api/resource.ts';
import { findFirst, type JsonPath, parseJsonPath } from './json-path.ts';

type Cell = ReturnType<Column['value']>;

/** The name, then what the definition says; the age where it says nothing. */
export function printerColumns(definitions: readonly CustomResourceColumnDefinition[] | undefined): Column[] {
  if (definitions === undefined || definitions.length === 0) return [nameColumn, { ...ageColumn, type: 'date' }];
  return [nameColumn, ...definitions.map(columnOf)];
}

function columnOf({ name, type, format, description, priority, jsonPath }: CustomResourceColumnDefinition): Column {
  const path = pathOrNothing(jsonPath);
  return {
    name,
    type: columnType(type),
    ...(format === undefined ? {} : { format }),
    description: description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    priority: priority ?? 0,
    value: (object, now) => (path === undefined ? null : cellOf(findFirst(object, path), type, now)),
  };
}

/** A path that cannot be read was refused with its definition. */
function pathOrNothing(text: string): JsonPath | undefined {
  try {
    return parseJsonPath(text);
  } catch {
    return undefined;
  }
}

function columnType(type: string): Column['type'] {
  return type === 'integer' || type === 'number' || type === 'boolean' || type === 'date' ? type : 'string';
}

function cellOf(value: unknown, type: string, now: number): Cell {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      if (typeof value !== 'string') return null;
      return Number.isNaN(Date.parse(value)) ? '<invalid>' : ageCell(value, now);
    default:
      return typeof value === 'string' ? value : JSON.stringify(value);
  }
}
