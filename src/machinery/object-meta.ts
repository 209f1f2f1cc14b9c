import { randomInt } from 'node:crypto';
import { equal } from './json.ts';
import { parseGroupVersion } from './meta.ts';
import type { ObjectMeta, OwnerReference } from './meta-types.generated.ts';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, isValidLabelValue } from './names.ts';
import type { FieldError } from './status-error.ts';

const annotationsBytesMax = 256 * 1024;
const nameLengthMax = 63;
const suffixLength = 5;
/** Without vowels and look-alikes, as upstream, so that no words come out. */
const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** `base` and five random characters, `base` cut so that the whole is a DNS label. */
export function generateName(base: string): string {
  let suffix = '';
  for (let index = 0; index < suffixLength; index++) suffix += suffixAlphabet[randomInt(suffixAlphabet.length)];
  return `${base.slice(0, nameLengthMax - suffixLength)}${suffix}`;
}

export interface ObjectMetaRules {
  readonly namespaced: boolean;
  /** Upstream's error text, or undefined for a valid name. Default DNS-1123 subdomain. */
  readonly validateName?: ((name: string) => string | undefined) | undefined;
  /** Finalizers must have a domain or be one of the three standard ones, as for kinds that are not custom. */
  readonly qualifiedFinalizers?: boolean;
}

/** k8s.io/apimachinery/pkg/api/validation.ValidateObjectMeta; `path` is `metadata` or `spec.template.metadata`. */
export function validateObjectMeta(meta: ObjectMeta, rules: ObjectMetaRules, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { name, generateName: base, namespace } = meta;
  const validateName = rules.validateName ?? subdomainProblem;
  if (base !== undefined && base !== '') {
    const problem = validateName(base.endsWith('-') ? `${base.slice(0, -1)}a` : base);
    if (problem !== undefined) errors.push(invalidAt(`${path}.generateName`, base, problem));
  }
  if (name === undefined || name === '') {
    errors.push({ type: 'required', field: `${path}.name`, detail: 'name or generateName is required' });
  } else {
    const problem = validateName(name);
    if (problem !== undefined) errors.push(invalidAt(`${path}.name`, name, problem));
  }
  if (rules.namespaced) {
    if (namespace === undefined || namespace === '') {
      errors.push({ type: 'required', field: `${path}.namespace`, detail: '' });
    } else {
      for (const problem of isDns1123Label(namespace)) errors.push(invalidAt(`${path}.namespace`, namespace, problem));
    }
  } else if (namespace !== undefined && namespace !== '') {
    errors.push({ type: 'forbidden', field: `${path}.namespace`, detail: 'not allowed on this type' });
  }
  if ((meta.generation ?? 0) < 0) {
    errors.push(invalidAt(`${path}.generation`, meta.generation, 'must be greater than or equal to 0'));
  }
  collectSharedErrors(meta, rules.qualifiedFinalizers === true, path, errors);
  return errors;
}

/** What must hold between two states of one object. `inheritObjectMeta` has run, so that unset fields are filled in. */
export function validateObjectMetaUpdate(
  meta: ObjectMeta,
  old: ObjectMeta,
  path: string,
  rules: { readonly qualifiedFinalizers?: boolean } = {},
): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp !== undefined) {
    const before = old.finalizers ?? [];
    const added = (meta.finalizers ?? []).filter((finalizer) => !before.includes(finalizer));
    if (added.length > 0) {
      const list = added
        .sort()
        .map((finalizer) => JSON.stringify(finalizer))
        .join(', ');
      errors.push({
        type: 'forbidden',
        field: `${path}.finalizers`,
        detail: `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
      });
    }
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(invalidAt(`${path}.generation`, meta.generation ?? 0, 'must not be decremented'));
  }
  for (const field of immutableFields) {
    if ((meta[field] ?? '') !== (old[field] ?? '')) {
      errors.push(invalidAt(`${path}.${field}`, meta[field] ?? null, 'field is immutable'));
    }
  }
  collectSharedErrors(meta, rules.qualifiedFinalizers === true, path, errors);
  return errors;
}

const immutableFields = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

/**
 * An update may leave out what the server owns: uid, creation time and the marks of deletion are taken from the old
 * object, as k8s.io/apiserver/pkg/registry/rest.BeforeUpdate does. Changes `meta`.
 */
export function inheritObjectMeta(meta: ObjectMeta, old: ObjectMeta): void {
  if (meta.uid === undefined || meta.uid === '') keep(meta, old, 'uid');
  keep(meta, old, 'creationTimestamp');
  keep(meta, old, 'deletionTimestamp');
  if (meta.deletionTimestamp === undefined || meta.deletionGracePeriodSeconds === undefined) {
    keep(meta, old, 'deletionGracePeriodSeconds');
  }
}

const emptyWhenUnset = ['labels', 'annotations', 'finalizers', 'ownerReferences', 'managedFields'] as const;

/**
 * What every write does to metadata before it is kept: empty lists and maps go, as Go leaves them out, and an owner
 * stands there once. Changes `meta`.
 */
export function tidyObjectMeta(meta: ObjectMeta, warnings: string[]): void {
  for (const field of emptyWhenUnset) {
    const value = meta[field];
    if (value !== undefined && isEmpty(value)) delete meta[field];
  }
  const owners = meta.ownerReferences;
  if (owners !== undefined && owners.length > 1) dropRepeatedOwners(meta, owners, warnings);
}

function isEmpty(value: object): boolean {
  for (const _ in value) return false;
  return true;
}

function dropRepeatedOwners(meta: ObjectMeta, owners: readonly OwnerReference[], warnings: string[]): void {
  const kept: OwnerReference[] = [];
  const repeated = new Set<string>();
  for (const owner of owners) {
    if (kept.some((other) => equal(other, owner))) repeated.add(owner.uid);
    else kept.push(owner);
  }
  if (repeated.size === 0) return;
  meta.ownerReferences = kept;
  warnings.push(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...repeated].join(', ')}`,
  );
}

function keep<K extends 'uid' | 'creationTimestamp' | 'deletionTimestamp' | 'deletionGracePeriodSeconds'>(
  meta: ObjectMeta,
  old: ObjectMeta,
  field: K,
): void {
  const value = old[field];
  if (value === undefined) delete meta[field];
  else meta[field] = value;
}

function collectSharedErrors(meta: ObjectMeta, qualifiedFinalizers: boolean, path: string, errors: FieldError[]): void {
  if (meta.labels !== undefined) collectLabelErrors(meta.labels, `${path}.labels`, errors);
  if (meta.annotations !== undefined) collectAnnotationErrors(meta.annotations, `${path}.annotations`, errors);
  if (meta.ownerReferences !== undefined) {
    collectOwnerErrors(meta.ownerReferences, `${path}.ownerReferences`, errors);
  }
  if (meta.finalizers !== undefined) {
    collectFinalizerErrors(meta.finalizers, qualifiedFinalizers, `${path}.finalizers`, errors);
  }
}

function collectLabelErrors(
  labels: Readonly<Record<string, string>> | undefined,
  path: string,
  errors: FieldError[],
): void {
  for (const key in labels) {
    const value = labels[key] ?? '';
    for (const problem of isQualifiedName(key)) errors.push(invalidAt(path, key, problem));
    for (const problem of isValidLabelValue(value)) errors.push(invalidAt(path, value, problem));
  }
}

function collectAnnotationErrors(
  annotations: Readonly<Record<string, string>> | undefined,
  path: string,
  errors: FieldError[],
): void {
  let bytes = 0;
  for (const key in annotations) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(annotations[key] ?? '');
    for (const problem of isQualifiedName(key.toLowerCase())) errors.push(invalidAt(path, key, problem));
  }
  if (bytes > annotationsBytesMax) {
    errors.push({ type: 'tooLong', field: path, detail: `may not be more than ${annotationsBytesMax} bytes` });
  }
}

function collectOwnerErrors(owners: readonly OwnerReference[], path: string, errors: FieldError[]): void {
  let controller: string | undefined;
  for (const owner of owners) {
    const { group, version } = parseGroupVersion(owner.apiVersion ?? '');
    if (version === '')
      errors.push(invalidAt(`${path}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
    for (const field of ['kind', 'name', 'uid'] as const) {
      if ((owner[field] ?? '') === '') errors.push(invalidAt(`${path}.${field}`, '', 'must not be empty'));
    }
    if (group === '' && version === 'v1' && owner.kind === 'Event') {
      errors.push(invalidAt(path, owner, '/v1, Kind=Event is disallowed from being an owner'));
    }
    if (owner.controller !== true) continue;
    const name = `${owner.kind}/${owner.name}`;
    if (controller !== undefined) {
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      errors.push(invalidAt(path, owners, why));
    }
    controller ??= name;
  }
}

const standardFinalizers: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

function collectFinalizerErrors(
  finalizers: readonly string[],
  qualified: boolean,
  path: string,
  errors: FieldError[],
): void {
  for (const [index, finalizer] of finalizers.entries()) {
    for (const problem of isQualifiedName(finalizer)) errors.push(invalidAt(path, finalizer, problem));
    if (qualified && !finalizer.includes('/') && !standardFinalizers.has(finalizer)) {
      const why = 'name is neither a standard finalizer name nor is it fully qualified';
      errors.push(invalidAt(`${path}[${index}]`, finalizer, why));
    }
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const why = 'finalizer orphan and foregroundDeletion cannot be both set';
    errors.push(invalidAt(path, finalizers, why));
  }
}

function subdomainProblem(name: string): string | undefined {
  const problems = isDns1123Subdomain(name);
  return problems.length === 0 ? undefined : problems.join(', ');
}

function invalidAt(field: string, value: unknown, detail: string): FieldError {
  return { type: 'invalid', field, value, detail };
}
