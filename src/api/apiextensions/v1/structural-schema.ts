import type { FieldError } from '../../../machinery/status-error.ts';
import { type FieldPath, forbiddenField, invalidValue, notSupported, required } from '../../field-errors.ts';
import type { JSONSchemaProps } from './types.generated.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const listTypes = ['atomic', 'map', 'set'];
/** Keywords that say nothing about values: not to be used where only values are restricted. */
const structureOnly = ['type', 'default', 'nullable', 'description', 'title', 'additionalProperties'] as const;
const extensionsOnly = [
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-validations',
] as const;
const unsupported = [
  '$ref',
  'definitions',
  'dependencies',
  'patternProperties',
  'additionalItems',
  'id',
  '$schema',
] as const;
const combinations = ['allOf', 'anyOf', 'oneOf'] as const;
/** Deeper schemas are refused. */
const depthMax = 64;

type Place = 'root' | 'field' | 'item';

/** Holds a schema against the rules of structural schemas (https://kep.k8s.io/1693), in upstream's words. */
export function checkRootSchema(errors: FieldError[], path: FieldPath, schema: JSONSchemaProps): void {
  const { type = '' } = schema;
  if (type === '') errors.push(required(path.child('type'), 'must not be empty at the root'));
  else if (type !== 'object') errors.push(invalidValue(path.child('type'), type, 'must be object at the root'));
  if (schema.nullable === true)
    errors.push(forbiddenField(path.child('nullable'), 'nullable cannot be true at the root'));
  checkMetadata(errors, path, schema);
  checkNode(errors, path, schema, 'root', 0);
}

function checkMetadata(errors: FieldError[], path: FieldPath, schema: JSONSchemaProps): void {
  const metadata = schema.properties?.['metadata'];
  if (metadata === undefined) return;
  const metadataPath = path.child('properties').key('metadata');
  if (metadata.type !== undefined && metadata.type !== '' && metadata.type !== 'object') {
    errors.push(invalidValue(metadataPath.child('type'), metadata.type, 'must be object'));
  }
  const others = Object.keys(metadata.properties ?? {}).filter((name) => name !== 'name' && name !== 'generateName');
  if (others.length > 0) {
    const detail = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
    errors.push(forbiddenField(metadataPath, detail));
  }
}

function checkNode(errors: FieldError[], path: FieldPath, schema: JSONSchemaProps, place: Place, depth: number): void {
  if (depth > depthMax) {
    errors.push(forbiddenField(path, `must not be nested deeper than ${depthMax} levels`));
    return;
  }
  checkType(errors, path, schema, place);
  checkKeywords(errors, path, schema);
  checkExtensions(errors, path, schema);
  checkListKeys(errors, path, schema);
  for (const name of combinations) {
    schema[name]?.forEach((part, index) => {
      checkValueRules(errors, path.at(name, index), part, depth + 1);
    });
  }
  if (schema.not !== undefined) checkValueRules(errors, path.child('not'), schema.not, depth + 1);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const isMetadata = place === 'root' && name === 'metadata';
    if (!isMetadata) checkNode(errors, path.child('properties').key(name), property, 'field', depth + 1);
  }
  if (isSchema(schema.items)) checkNode(errors, path.child('items'), schema.items, 'item', depth + 1);
  if (isSchema(schema.additionalProperties)) {
    checkNode(errors, path.child('additionalProperties'), schema.additionalProperties, 'field', depth + 1);
  }
}

function checkType(errors: FieldError[], path: FieldPath, schema: JSONSchemaProps, place: Place): void {
  const { type = '', items } = schema;
  const isOpen =
    schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (type !== '' && !types.includes(type)) errors.push(notSupported(path.child('type'), type, types));
  if (type === '' && !isOpen && place !== 'root') {
    const what = place === 'item' ? 'array items' : 'object fields';
    errors.push(required(path.child('type'), `must not be empty for specified ${what}`));
  }
  if (schema['x-kubernetes-int-or-string'] === true && type !== '') {
    errors.push(forbiddenField(path.child('type'), 'must be empty if x-kubernetes-int-or-string is true'));
  }
  if (type === 'array' && items === undefined) errors.push(required(path.child('items'), 'must be specified'));
  if (Array.isArray(items)) {
    errors.push(forbiddenField(path.child('items'), 'items must be a schema object and not an array'));
  }
}

function checkKeywords(errors: FieldError[], path: FieldPath, schema: JSONSchemaProps): void {
  const { additionalProperties, properties, uniqueItems, pattern } = schema;
  for (const name of unsupported) {
    if (schema[name] !== undefined) errors.push(forbiddenField(path.child(name), `${name} is not supported`));
  }
  if (uniqueItems === true) {
    const detail = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    errors.push(forbiddenField(path.child('uniqueItems'), detail));
  }
  if (additionalProperties === false) {
    errors.push(forbiddenField(path.child('additionalProperties'), 'additionalProperties cannot be set to false'));
  }
  if (additionalProperties !== undefined && additionalProperties !== false && hasMembers(properties)) {
    const detail = 'additionalProperties and properties are mutual exclusive';
    errors.push(forbiddenField(path.child('additionalProperties'), detail));
  }
  const problem = pattern === undefined ? undefined : patternProblem(pattern);
  if (problem !== undefined) {
    const detail = `must be a valid regular expression, but isn't: ${problem}`;
    errors.push(invalidValue(path.child('pattern'), pattern, detail));
  }
  if (schema.default === null && schema.nullable !== true) {
    errors.push(invalidValue(path.child('default'), null, 'must not be null'));
  }
}

function hasMembers(properties: JSONSchemaProps['properties']): boolean {
  return properties !== undefined && Object.keys(properties).length > 0;
}

/** What can be told without running Go's parser: brackets and repetitions. */
function patternProblem(pattern: string): string | undefined {
  if (/\(\?<?[=!]/.test(pattern)) return 'error parsing regexp: invalid or unsupported Perl syntax: `(?`';
  const plain = pattern
    .replace(/^\(\?[a-zA-Z]+\)/, '')
    .replaceAll('(?P<', '(?<')
    .replaceAll(/\\[Az]/g, '');
  try {
    new RegExp(plain);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function checkExtensions(errors: FieldError[], path: FieldPath, schema: JSONSchemaProps): void {
  const { type = '' } = schema;
  for (const name of ['x-kubernetes-preserve-unknown-fields'] as const) {
    if (schema[name] === false) errors.push(invalidValue(path.child(name), false, 'must be true or undefined'));
  }
  if (schema['x-kubernetes-embedded-resource'] === true) {
    if (type !== 'object') {
      const detail = 'must be object if x-kubernetes-embedded-resource is true';
      errors.push(type === '' ? required(path.child('type'), detail) : invalidValue(path.child('type'), type, detail));
    }
    if (schema['x-kubernetes-preserve-unknown-fields'] !== true && !hasMembers(schema.properties)) {
      const detail =
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
      errors.push(required(path.child('properties'), detail));
    }
  }
  const mapType = schema['x-kubernetes-map-type'];
  if (mapType === undefined) return;
  if (type !== 'object') {
    errors.push(invalidValue(path.child('type'), type, 'must be object if x-kubernetes-map-type is specified'));
  }
  if (mapType !== 'granular' && mapType !== 'atomic') {
    errors.push(notSupported(path.child('x-kubernetes-map-type'), mapType, ['atomic', 'granular']));
  }
}

function checkListKeys(errors: FieldError[], path: FieldPath, schema: JSONSchemaProps): void {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const keysPath = path.child('x-kubernetes-list-map-keys');
  if (listType !== 'map' && keys.length > 0) {
    errors.push(forbiddenField(keysPath, 'must not be specified if x-kubernetes-list-type is not map'));
  }
  if (listType === undefined) return;
  if (schema.type !== 'array') {
    const detail = 'must be array if x-kubernetes-list-type is specified';
    errors.push(invalidValue(path.child('type'), schema.type ?? '', detail));
  }
  if (!listTypes.includes(listType)) {
    errors.push(notSupported(path.child('x-kubernetes-list-type'), listType, listTypes));
  }
  if (listType !== 'map') return;
  if (keys.length === 0) errors.push(required(keysPath, 'must not be empty if x-kubernetes-list-type is map'));
  const items = isSchema(schema.items) ? schema.items : undefined;
  if (items !== undefined && items.type !== 'object') {
    const detail = "must be object if parent array's x-kubernetes-list-type is map";
    errors.push(invalidValue(path.child('items').child('type'), items.type ?? '', detail));
  }
  keys.forEach((key, index) => {
    const property = items?.properties?.[key];
    if (property === undefined) {
      errors.push(
        invalidValue(path.at('x-kubernetes-list-map-keys', index), key, 'entries must all be names of item properties'),
      );
    } else if (property.default === undefined && items?.required?.includes(key) !== true) {
      const detail =
        'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
      errors.push(required(path.child('items').child('properties').key(key).child('default'), detail));
    }
  });
}

/** Inside allOf, anyOf, oneOf and not only values are restricted; what they look like is said outside. */
function checkValueRules(errors: FieldError[], path: FieldPath, schema: JSONSchemaProps, depth: number): void {
  if (depth > depthMax) return;
  // The one pattern that says "an integer or a string".
  for (const name of [...structureOnly, ...extensionsOnly]) {
    const value = schema[name];
    const isTyping = name === 'type' && (value === 'integer' || value === 'string');
    if (value === undefined || value === '' || isTyping) continue;
    errors.push(forbiddenField(path.child(name), 'must be empty to be structural'));
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    checkValueRules(errors, path.child('properties').key(name), property, depth + 1);
  }
  if (isSchema(schema.items)) checkValueRules(errors, path.child('items'), schema.items, depth + 1);
  for (const name of combinations) {
    schema[name]?.forEach((part, index) => {
      checkValueRules(errors, path.at(name, index), part, depth + 1);
    });
  }
  if (schema.not !== undefined) checkValueRules(errors, path.child('not'), schema.not, depth + 1);
}

function isSchema(value: unknown): value is JSONSchemaProps {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
