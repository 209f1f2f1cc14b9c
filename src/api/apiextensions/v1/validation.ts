import { isDns1035Label, isDns1123Subdomain } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { checkImmutable, checkRequiredChoice, checkText } from '../../field-checks.ts';
import {
  duplicate,
  type FieldPath,
  invalidValue,
  metadataPath,
  required,
  specPath,
  statusPath,
} from '../../field-errors.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps } from './types.generated.ts';

const scopes = ['Cluster', 'Namespaced'];
const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];

export function validateCustomResourceDefinition({ metadata, spec }: CustomResourceDefinition): FieldError[] {
  const errors: FieldError[] = [];
  const { group = '', names, versions = [] } = spec;
  const expected = `${names?.plural ?? ''}.${group}`;
  if (metadata.name !== expected) {
    errors.push(invalidValue(metadataPath.child('name'), metadata.name, 'must be spec.names.plural+"."+spec.group'));
  }
  checkGroup(errors, specPath.child('group'), group);
  checkRequiredChoice(errors, specPath.child('scope'), spec.scope, scopes);
  checkNames(errors, specPath.child('names'), names);
  checkVersions(errors, specPath.child('versions'), versions);
  checkRequiredChoice(errors, specPath.child('conversion').child('strategy'), spec.conversion?.strategy, [
    'None',
    'Webhook',
  ]);
  if (spec.preserveUnknownFields === true) {
    const detail = 'must be false in order to use defaults in the schema';
    errors.push(invalidValue(specPath.child('preserveUnknownFields'), true, detail));
  }
  return errors;
}

export function validateCustomResourceDefinitionUpdate(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition,
): FieldError[] {
  const errors = validateCustomResourceDefinition(definition);
  const namesPath = specPath.child('names');
  checkImmutable(errors, specPath.child('group'), definition.spec.group, old.spec.group);
  checkImmutable(errors, specPath.child('scope'), definition.spec.scope, old.spec.scope);
  checkImmutable(errors, namesPath.child('kind'), definition.spec.names?.kind, old.spec.names?.kind);
  checkImmutable(errors, namesPath.child('plural'), definition.spec.names?.plural, old.spec.names?.plural);
  const present = new Set((definition.spec.versions ?? []).map(({ name }) => name));
  definition.status?.storedVersions?.forEach((version, index) => {
    if (present.has(version)) return;
    const detail =
      `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until ` +
      `a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`;
    errors.push(invalidValue(statusPath.at('storedVersions', index), version, detail));
  });
  return errors;
}

function checkGroup(errors: FieldError[], path: FieldPath, group: string): void {
  if (group === '') errors.push(required(path));
  else if (!group.includes('.')) errors.push(invalidValue(path, group, 'should be a domain with at least one dot'));
  else checkText(errors, path, group, isDns1123Subdomain);
}

function checkNames(
  errors: FieldError[],
  path: FieldPath,
  names: CustomResourceDefinition['spec']['names'] | undefined,
): void {
  const { plural = '', singular = '', kind = '', listKind = '', shortNames, categories } = names ?? {};
  for (const [field, value] of Object.entries({ plural, singular, kind, listKind })) {
    if (value === '') errors.push(required(path.child(field)));
    else checkText(errors, path.child(field), value.toLowerCase(), isDns1035Label);
  }
  for (const [field, list] of Object.entries({ shortNames, categories })) {
    list?.forEach((value, index) => {
      checkText(errors, path.at(field, index), value, isDns1035Label);
    });
  }
  if (kind !== '' && kind === listKind) {
    errors.push(invalidValue(path.child('listKind'), listKind, 'kind and listKind may not be the same'));
  }
}

function checkVersions(
  errors: FieldError[],
  path: FieldPath,
  versions: readonly CustomResourceDefinitionVersion[],
): void {
  const seen = new Set<string>();
  versions.forEach((version, index) => {
    const at = path.index(index);
    checkText(errors, at.child('name'), version.name ?? '', isDns1035Label);
    if (seen.has(version.name)) errors.push(duplicate(at.child('name'), version.name));
    seen.add(version.name);
    const schemaPath = at.child('schema').child('openAPIV3Schema');
    const schema = version.schema?.openAPIV3Schema;
    if (schema === undefined) errors.push(required(schemaPath, 'schemas are required'));
    else checkRootSchema(errors, schemaPath, schema);
    version.additionalPrinterColumns?.forEach((shown, columnIndex) => {
      const columnPath = at.at('additionalPrinterColumns', columnIndex);
      if ((shown.name ?? '') === '') errors.push(required(columnPath.child('name')));
      if ((shown.jsonPath ?? '') === '') errors.push(required(columnPath.child('jsonPath')));
      checkRequiredChoice(errors, columnPath.child('type'), shown.type, columnTypes);
    });
  });
  if (versions.filter(({ storage }) => storage).length !== 1) {
    errors.push(invalidValue(path, versions, 'must have exactly one version marked as storage version'));
  }
}

function checkRootSchema(errors: FieldError[], path: FieldPath, schema: JSONSchemaProps): void {
  if (schema.type === undefined || schema.type === '')
    errors.push(required(path.child('type'), 'must not be empty at the root'));
  else if (schema.type !== 'object') {
    errors.push(invalidValue(path.child('type'), schema.type, 'must be object at the root'));
  }
  checkStructural(errors, path, schema, true);
}

/** A structural schema gives every node its type; https://kep.k8s.io/1693. */
function checkStructural(errors: FieldError[], path: FieldPath, schema: JSONSchemaProps, isRoot: boolean): void {
  const isTyped =
    (schema.type ?? '') !== '' ||
    schema['x-kubernetes-int-or-string'] === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (!isTyped && !isRoot) errors.push(required(path.child('type'), 'must not be empty for specified object fields'));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    checkStructural(errors, path.child('properties').key(name), property, false);
  }
  if (isSchema(schema.items)) checkStructural(errors, path.child('items'), schema.items, false);
  else if (schema.type === 'array') errors.push(required(path.child('items'), 'must be specified'));
  if (isSchema(schema.additionalProperties)) {
    checkStructural(errors, path.child('additionalProperties'), schema.additionalProperties, false);
  }
}

function isSchema(value: unknown): value is JSONSchemaProps {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
