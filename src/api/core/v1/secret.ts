import { equal, isJsonObject } from '../../../machinery/json.ts';
import { isConfigMapKey } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import {
  FieldPath,
  forbiddenField,
  invalidEach,
  invalidValue,
  metadataPath,
  required,
  tooLong,
} from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { base64Bytes, countOf, dataBytesMax, dataPath, immutableProblem } from './config-map.ts';
import type { Secret } from './types.generated.ts';

const accountAnnotation = 'kubernetes.io/service-account.name';

export const secretResource: ResourceDefinition = defineResource<Secret>({
  version: 'v1',
  kind: 'Secret',
  resource: 'secrets',
  schema: 'core/v1.Secret',
  columns: [
    nameColumn,
    column<Secret>('Type', (secret) => secret.type ?? '', { description: 'What the keys mean' }),
    column<Secret>('Data', (secret) => countOf(secret.data), { description: 'Number of keys' }),
    ageColumn,
  ],
  selectableFields: { type: (secret) => secret.type ?? '' },
  // Where upstream reads the object, so that a client owns the data it sent as text.
  defaults(secret) {
    takeStringData(secret);
    secret.type ||= 'Opaque';
  },
  validate: validateSecret,
  validateUpdate(secret, old) {
    const errors: FieldError[] = [];
    if (secret.type !== old.type) errors.push(invalidValue(new FieldPath('type'), secret.type, 'field is immutable'));
    if (old.immutable === true) {
      if (secret.immutable !== true) errors.push(forbiddenField(new FieldPath('immutable'), immutableProblem));
      if (!equal(secret.data ?? {}, old.data ?? {})) errors.push(forbiddenField(dataPath, immutableProblem));
    }
    errors.push(...validateSecret(secret));
    return errors;
  },
});

/** `stringData` is only for writing: it goes into `data` and is never kept. */
function takeStringData(secret: Secret): void {
  const { stringData } = secret;
  if (stringData === undefined) return;
  delete secret.stringData;
  if (stringData === null || Object.keys(stringData).length === 0) return;
  secret.data = { ...secret.data };
  for (const [key, text] of Object.entries(stringData)) secret.data[key] = Buffer.from(text).toString('base64');
}

/** Keys that a type cannot do without. */
const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

function validateSecret(secret: Secret): FieldError[] {
  const errors: FieldError[] = [];
  const data = secret.data ?? {};
  const type = secret.type ?? '';
  let bytes = 0;
  for (const key of Object.keys(data)) {
    invalidEach(errors, dataPath.key(key), key, isConfigMapKey(key));
    bytes += base64Bytes(data[key] ?? '');
  }
  if (bytes > dataBytesMax) errors.push(tooLong(dataPath, dataBytesMax));
  if (type === 'kubernetes.io/service-account-token' && !secret.metadata.annotations?.[accountAnnotation]) {
    errors.push(required(metadataPath.child('annotations').key(accountAnnotation)));
  }
  if (type === 'kubernetes.io/basic-auth' && !('username' in data) && !('password' in data)) {
    errors.push(required(dataPath.key('username')), required(dataPath.key('password')));
  }
  const keys = Object.hasOwn(requiredKeys, type) ? (requiredKeys[type] ?? []) : [];
  for (const key of keys) {
    if (!(key in data)) errors.push(required(dataPath.key(key)));
    else if (key.startsWith('.dockerc')) validateDockerConfig(key, data[key] ?? '', errors);
  }
  return errors;
}

function validateDockerConfig(key: string, encoded: string, errors: FieldError[]): void {
  const problem = jsonProblem(Buffer.from(encoded, 'base64').toString());
  if (problem !== undefined) {
    errors.push(invalidValue(dataPath.key(key), '<secret contents redacted>', problem));
  }
}

function jsonProblem(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? undefined : 'json: cannot unmarshal into Go value of type map[string]interface {}';
  } catch (error) {
    return error instanceof Error && text !== '' ? error.message : 'unexpected end of JSON input';
  }
}
