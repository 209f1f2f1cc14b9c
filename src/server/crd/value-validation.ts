import { equal, isJsonObject, type JsonObject } from '../../machinery/json.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { hasFormat } from './formats.ts';
import type { SchemaNode } from './schema-node.ts';

/** What upstream calls the place of an error that has none. */
const nowhere = '<nil>';

/**
 * Holds a value against its schema in the words of k8s.io/kube-openapi's validator. With `old`, what did not change is
 * not looked at again (ratcheting), so that a stricter schema does not stop writes elsewhere in the object.
 */
export function validateValue(value: unknown, node: SchemaNode, path: string, old?: unknown): FieldError[] {
  const errors: FieldError[] = [];
  visit(value, node, path, old, errors);
  return errors;
}

/** The value of the other object that stands where this item stands: only lists with keys tell. */
export function correlatedItem(item: unknown, node: SchemaNode, old: unknown): unknown {
  if (node.listType !== 'map' || !Array.isArray(old) || !isJsonObject(item)) return undefined;
  return old.find((other) => isJsonObject(other) && node.listKeys.every((key) => equal(other[key], item[key])));
}

export function childPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function visit(value: unknown, node: SchemaNode, path: string, old: unknown, errors: FieldError[]): void {
  if (old !== undefined && equal(value, old)) return;
  if (value === null && node.nullable) return;
  checkType(value, node, path, errors);
  if (typeof value === 'string') checkString(value, node, path, errors);
  else if (typeof value === 'number') checkNumber(value, node, path, errors);
  if (node.written.enum !== undefined) checkEnum(value, node.written.enum, path, errors);
  checkCombinations(value, node, path, errors);
  if (Array.isArray(value)) visitItems(value, node, path, old, errors);
  else if (isJsonObject(value)) visitFields(value, node, path, old, errors);
}

function checkType(value: unknown, node: SchemaNode, path: string, errors: FieldError[]): void {
  const wanted = node.intOrString ? 'integer,string' : node.type;
  if (wanted === '') return;
  const actual = jsonTypeOf(value);
  const fits =
    actual === node.type ||
    (node.intOrString && (actual === 'integer' || actual === 'string')) ||
    (node.type === 'number' && actual === 'integer');
  if (fits) return;
  errors.push({
    type: 'typeInvalid',
    field: path === '' ? nowhere : path,
    value: actual,
    detail: `${path} in body must be of type ${wanted}: ${JSON.stringify(actual)}`,
  });
}

function jsonTypeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function invalid(errors: FieldError[], path: string, value: unknown, what: string): void {
  errors.push({ type: 'invalid', field: path === '' ? nowhere : path, value, detail: `${path} in body ${what}` });
}

function checkString(value: string, node: SchemaNode, path: string, errors: FieldError[]): void {
  const { maxLength, minLength, pattern, format } = node.written;
  if (maxLength !== undefined || minLength !== undefined) {
    const length = codePoints(value);
    if (maxLength !== undefined && length > maxLength) {
      errors.push({ type: 'tooLong', field: path, value, detail: `may not be more than ${maxLength} bytes` });
    }
    if (minLength !== undefined && length < minLength) {
      invalid(errors, path, value, `should be at least ${minLength} chars long`);
    }
  }
  if (node.pattern !== undefined && !node.pattern.test(value)) {
    invalid(errors, path, value, `should match '${pattern ?? ''}'`);
  }
  if (format !== undefined && !node.intOrString && !hasFormat(value, format)) {
    invalid(errors, path, value, `must be of type ${format}: ${JSON.stringify(value)}`);
  }
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function checkNumber(value: number, node: SchemaNode, path: string, errors: FieldError[]): void {
  const { maximum, minimum, exclusiveMaximum, exclusiveMinimum, multipleOf } = node.written;
  if (multipleOf !== undefined && !isMultipleOf(value, multipleOf)) {
    invalid(errors, path, value, `should be a multiple of ${multipleOf}`);
  }
  if (maximum !== undefined && (value > maximum || (exclusiveMaximum === true && value === maximum))) {
    invalid(errors, path, value, `should be less than ${exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`);
  }
  if (minimum !== undefined && (value < minimum || (exclusiveMinimum === true && value === minimum))) {
    invalid(errors, path, value, `should be greater than ${exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`);
  }
}

function isMultipleOf(value: number, factor: number): boolean {
  const quotient = value / factor;
  return Math.abs(quotient - Math.round(quotient)) < 1e-9;
}

function checkEnum(value: unknown, allowed: readonly unknown[], path: string, errors: FieldError[]): void {
  if (allowed.some((choice) => equal(choice, value))) return;
  const supported = allowed.map((choice) => (typeof choice === 'string' ? choice : JSON.stringify(choice)));
  errors.push({ type: 'notSupported', field: path, value, detail: '', supported });
}

function checkCombinations(value: unknown, node: SchemaNode, path: string, errors: FieldError[]): void {
  const { allOf, anyOf, oneOf, not } = node;
  const failure = (what: string) =>
    errors.push({
      type: 'invalid',
      field: path === '' ? nowhere : path,
      value: '',
      detail: `${JSON.stringify(path)} must ${what}`,
    });
  if (anyOf.length > 0) {
    const results = anyOf.map((choice) => validateValue(value, choice, path));
    if (!results.some((result) => result.length === 0)) {
      failure('validate at least one schema (anyOf)');
      errors.push(...fewest(results));
    }
  }
  if (oneOf.length > 0) {
    const results = oneOf.map((choice) => validateValue(value, choice, path));
    const valid = results.filter((result) => result.length === 0).length;
    if (valid === 0) {
      failure('validate one and only one schema (oneOf). Found none valid');
      errors.push(...fewest(results));
    } else if (valid > 1) failure(`validate one and only one schema (oneOf). Found ${valid} valid alternatives`);
  }
  if (allOf.length > 0) {
    const results = allOf.map((part) => validateValue(value, part, path));
    const failed = results.filter((result) => result.length > 0);
    if (failed.length > 0) {
      failure(`validate all the schemas (allOf)${failed.length === allOf.length ? '. None validated' : ''}`);
      errors.push(...failed.flat());
    }
  }
  if (not !== undefined && validateValue(value, not, path).length === 0) failure('not validate the schema (not)');
}

/** The alternative that came nearest says what is wrong. */
function fewest(results: readonly FieldError[][]): FieldError[] {
  return results.reduce((best, result) => (result.length < best.length ? result : best), results[0] ?? []);
}

function visitItems(
  items: readonly unknown[],
  node: SchemaNode,
  path: string,
  old: unknown,
  errors: FieldError[],
): void {
  const { maxItems, minItems, uniqueItems } = node.written;
  if (node.items !== undefined) {
    for (let index = 0; index < items.length; index++) {
      const item = items[index];
      visit(item, node.items, `${path}[${index}]`, correlatedItem(item, node, old), errors);
    }
  }
  if (minItems !== undefined && items.length < minItems) {
    invalid(errors, path, items.length, `should have at least ${minItems} items`);
  }
  if (maxItems !== undefined && items.length > maxItems) {
    errors.push({ type: 'tooMany', field: path, value: items.length, detail: `must have at most ${maxItems} items` });
  }
  if (uniqueItems === true && hasDuplicates(items)) invalid(errors, path, items, "shouldn't contain duplicates");
  if (node.listType !== 'atomic') checkDuplicates(items, node, path, errors);
}

function hasDuplicates(items: readonly unknown[]): boolean {
  return new Set(items.map((item) => JSON.stringify(item))).size < items.length;
}

function checkDuplicates(items: readonly unknown[], node: SchemaNode, path: string, errors: FieldError[]): void {
  const seen = new Set<string>();
  const told = new Set<string>();
  items.forEach((item, index) => {
    const identity = node.listType === 'map' ? keysOf(item, node.listKeys) : item;
    const text = JSON.stringify(identity);
    if (seen.has(text) && !told.has(text)) {
      errors.push({ type: 'duplicate', field: `${path}[${index}]`, value: identity, detail: '' });
      told.add(text);
    }
    seen.add(text);
  });
}

function keysOf(item: unknown, keys: readonly string[]): JsonObject {
  if (!isJsonObject(item)) return {};
  return Object.fromEntries(keys.filter((key) => item[key] !== undefined).map((key) => [key, item[key]]));
}

function visitFields(value: JsonObject, node: SchemaNode, path: string, old: unknown, errors: FieldError[]): void {
  const { maxProperties, minProperties } = node.written;
  const before = isJsonObject(old) ? old : undefined;
  for (const name of node.required) {
    if (value[name] === undefined) errors.push({ type: 'required', field: childPath(path, name), detail: '' });
  }
  if (node.embedded) checkEmbedded(value, path, errors);
  for (const name in value) {
    const below = node.properties.get(name) ?? node.additional;
    if (below !== undefined) visit(value[name], below, childPath(path, name), before?.[name], errors);
  }
  const count = minProperties === undefined && maxProperties === undefined ? 0 : Object.keys(value).length;
  if (minProperties !== undefined && count < minProperties) {
    invalid(errors, path, count, `should have at least ${minProperties} properties`);
  }
  if (maxProperties !== undefined && count > maxProperties) {
    errors.push({ type: 'tooMany', field: path, value: count, detail: `must have at most ${maxProperties} items` });
  }
}

/** An object inside an object says what it is. */
function checkEmbedded(value: JsonObject, path: string, errors: FieldError[]): void {
  for (const name of ['apiVersion', 'kind']) {
    if (value[name] === undefined || value[name] === '') {
      errors.push({ type: 'required', field: childPath(path, name), detail: 'must not be empty' });
    }
  }
}
