import { clone, isJsonObject, type JsonObject } from '../../machinery/json.ts';
import type { SchemaNode } from './schema-node.ts';

/**
 * Fills in what the schema has defaults for, and first takes out the nulls that stand where a default would and null
 * may not. Answers whether anything changed.
 */
export function applySchemaDefaults(value: JsonObject, root: SchemaNode): boolean {
  if (!root.hasDefaults) return false;
  let changed = false;
  for (const [name, property] of root.properties) {
    // Type and metadata of the object are not the schema's to fill.
    if (name === 'metadata' || name === 'apiVersion' || name === 'kind') continue;
    changed = defaultField(value, name, property) || changed;
  }
  return changed;
}

function defaultField(value: JsonObject, name: string, property: SchemaNode): boolean {
  if (!property.hasDefaults) return false;
  let changed = false;
  const present = value[name];
  const isUnwantedNull = present === null && !property.nullable;
  if ((present === undefined || isUnwantedNull) && property.defaultValue !== undefined) {
    value[name] = clone(property.defaultValue);
    changed = true;
  }
  return defaultNode(value[name], property) || changed;
}

function defaultNode(value: unknown, node: SchemaNode): boolean {
  let changed = false;
  if (Array.isArray(value)) {
    const { items } = node;
    if (items?.hasDefaults !== true) return false;
    for (const item of value) changed = defaultNode(item, items) || changed;
    return changed;
  }
  if (!isJsonObject(value)) return false;
  for (const [name, property] of node.properties) changed = defaultField(value, name, property) || changed;
  const { additional } = node;
  if (additional?.hasDefaults === true) {
    for (const name of Object.keys(value)) {
      if (node.properties.has(name)) continue;
      changed = defaultField(value, name, additional) || changed;
    }
  }
  return changed;
}
