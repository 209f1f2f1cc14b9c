import { isDns1035Label, isDns1123Subdomain } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { checkChoice, checkImmutable, checkRequiredChoice, checkText } from '../../field-checks.ts';
import {
  duplicate,
  type FieldPath,
  forbiddenField,
  invalidValue,
  metadataPath,
  required,
  specPath,
  statusPath,
  tooMany,
} from '../../field-errors.ts';
import { checkRootSchema } from './structural-schema.ts';
import type {
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from './types.generated.ts';

const scopes = ['Cluster', 'Namespaced'];
const selectableFieldsMax = 8;
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
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
  checkConversion(errors, specPath.child('conversion'), spec.conversion);
  checkApproval(errors, metadata.annotations, group);
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
    checkSubresources(errors, at.child('subresources'), version);
    checkSelectableFields(errors, at, version);
    if (version.deprecationWarning !== undefined && version.deprecated !== true) {
      const detail = 'can only be set for deprecated versions';
      errors.push(invalidValue(at.child('deprecationWarning'), version.deprecationWarning, detail));
    }
    version.additionalPrinterColumns?.forEach((shown, columnIndex) => {
      const columnPath = at.at('additionalPrinterColumns', columnIndex);
      if ((shown.name ?? '') === '') errors.push(required(columnPath.child('name')));
      if ((shown.jsonPath ?? '') === '') errors.push(required(columnPath.child('jsonPath')));
      checkRequiredChoice(errors, columnPath.child('type'), shown.type, columnTypes);
      if (shown.format !== undefined && shown.format !== '') {
        checkChoice(errors, columnPath.child('format'), shown.format, columnFormats);
      }
    });
  });
  if (versions.filter(({ storage }) => storage).length !== 1) {
    errors.push(invalidValue(path, versions, 'must have exactly one version marked as storage version'));
  }
}

function checkSubresources(
  errors: FieldError[],
  path: FieldPath,
  { subresources }: CustomResourceDefinitionVersion,
): void {
  const scale = subresources?.scale;
  if (scale === undefined) return;
  const at = path.child('scale');
  const check = (name: string, text: string, under: readonly string[], isRequired: boolean): void => {
    if (text === '') {
      if (isRequired) errors.push(required(at.child(name)));
    } else if (!text.startsWith('.') || text.includes('[')) {
      errors.push(invalidValue(at.child(name), text, 'should be a simple json path under the object'));
    } else if (!under.some((prefix) => text.startsWith(prefix))) {
      const wanted = under.map((prefix) => prefix.slice(0, -1)).join(' or ');
      errors.push(invalidValue(at.child(name), text, `should be a json path under ${wanted}`));
    }
  };
  check('specReplicasPath', scale.specReplicasPath ?? '', ['.spec.'], true);
  check('statusReplicasPath', scale.statusReplicasPath ?? '', ['.status.'], true);
  check('labelSelectorPath', scale.labelSelectorPath ?? '', ['.spec.', '.status.'], false);
}

function checkSelectableFields(
  errors: FieldError[],
  path: FieldPath,
  { selectableFields = [] }: CustomResourceDefinitionVersion,
): void {
  if (selectableFields.length > selectableFieldsMax) {
    errors.push(tooMany(path.child('selectableFields'), selectableFields.length, selectableFieldsMax));
  }
  const seen = new Set<string>();
  selectableFields.forEach(({ jsonPath = '' }, index) => {
    const at = path.at('selectableFields', index).child('jsonPath');
    if (jsonPath === '') errors.push(required(at));
    else if (!/^(?:\.[A-Za-z_$][\w$-]*)+$/.test(jsonPath)) {
      errors.push(invalidValue(at, jsonPath, 'is an invalid path: must be a simple path of field names'));
    } else if (jsonPath.startsWith('.metadata')) {
      errors.push(invalidValue(at, jsonPath, 'must not point to fields in metadata'));
    }
    if (seen.has(jsonPath)) errors.push(duplicate(at, jsonPath));
    seen.add(jsonPath);
  });
}

function checkConversion(
  errors: FieldError[],
  path: FieldPath,
  conversion: CustomResourceConversion | undefined,
): void {
  const { strategy, webhook } = conversion ?? {};
  if (strategy !== 'Webhook') {
    if (webhook !== undefined) {
      errors.push(forbiddenField(path.child('webhook'), 'should not be set when strategy is not set to Webhook'));
    }
    return;
  }
  const at = path.child('webhook');
  const config = webhook?.clientConfig;
  if (config === undefined) {
    errors.push(required(at.child('clientConfig'), 'required when strategy is set to Webhook'));
  } else if ((config.url === undefined) === (config.service === undefined)) {
    errors.push(required(at.child('clientConfig'), 'exactly one of url or service is required'));
  }
  if (config?.url !== undefined && !/^https:\/\/[^/?#@]+(?:\/[^?#]*)?$/.test(config.url)) {
    const detail = "'https' is the only allowed URL scheme; desired format: https://host[/path]";
    errors.push(invalidValue(at.child('clientConfig').child('url'), config.url, detail));
  }
  const versions = webhook?.conversionReviewVersions ?? [];
  if (versions.length === 0) errors.push(required(at.child('conversionReviewVersions')));
  else if (!versions.some((version) => version === 'v1' || version === 'v1beta1')) {
    const detail = 'must include at least one of v1, v1beta1';
    errors.push(invalidValue(at.child('conversionReviewVersions'), versions, detail));
  }
}

/** Groups of upstream's own need somebody's word. */
function checkApproval(
  errors: FieldError[],
  annotations: Readonly<Record<string, string>> | undefined,
  group: string,
): void {
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group)) return;
  const annotation = 'api-approved.kubernetes.io';
  const at = metadataPath.child('annotations').key(annotation);
  const value = annotations?.[annotation];
  const hint = `protected groups must have approval annotation "${annotation}", see https://github.com/kubernetes/enhancements/pull/1111`;
  if (value === undefined || value === '') errors.push(required(at, hint));
  else if (!value.startsWith('unapproved') && !URL.canParse(value)) errors.push(invalidValue(at, value, hint));
}
