import { equal } from '../../../machinery/json.ts';
import { isConfigMapKey } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { FieldPath, forbiddenField, invalidEach, invalidValue, tooLong } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { ConfigMap } from './types.generated.ts';

/** 1 MiB for keys' values together, as upstream. */
export const dataBytesMax = 1024 * 1024;

export const dataPath = new FieldPath('data');
/** An error of the object as a whole. */
const wholePath = new FieldPath('');
const binaryDataPath = new FieldPath('binaryData');
export const immutableProblem = 'field is immutable when `immutable` is set';

export const configMapResource: ResourceDefinition = defineResource<ConfigMap>({
  version: 'v1',
  kind: 'ConfigMap',
  resource: 'configmaps',
  shortNames: ['cm'],
  schema: 'core/v1.ConfigMap',
  columns: [
    nameColumn,
    column<ConfigMap>('Data', ({ data, binaryData }) => countOf(data) + countOf(binaryData), {
      description: 'Number of keys',
    }),
    ageColumn,
  ],
  validate: validateConfigMap,
  validateUpdate(configMap, old) {
    const errors: FieldError[] = [];
    if (old.immutable === true) {
      if (configMap.immutable !== true) errors.push(forbiddenField(new FieldPath('immutable'), immutableProblem));
      if (!equal(configMap.data ?? {}, old.data ?? {})) errors.push(forbiddenField(dataPath, immutableProblem));
      if (!equal(configMap.binaryData ?? {}, old.binaryData ?? {})) {
        errors.push(forbiddenField(binaryDataPath, immutableProblem));
      }
    }
    errors.push(...validateConfigMap(configMap));
    return errors;
  },
});

export function countOf(data: Readonly<Record<string, string>> | undefined | null): number {
  return data === undefined || data === null ? 0 : Object.keys(data).length;
}

function validateConfigMap({ data, binaryData }: ConfigMap): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const key of Object.keys(data ?? {})) {
    invalidEach(errors, dataPath.key(key), key, isConfigMapKey(key));
    if (binaryData && Object.hasOwn(binaryData, key)) {
      errors.push(invalidValue(dataPath.key(key), key, 'duplicate of key present in binaryData'));
    }
    bytes += Buffer.byteLength(data?.[key] ?? '');
  }
  for (const key of Object.keys(binaryData ?? {})) {
    invalidEach(errors, binaryDataPath.key(key), key, isConfigMapKey(key));
    bytes += base64Bytes(binaryData?.[key] ?? '');
  }
  if (bytes > dataBytesMax) errors.push(tooLong(wholePath, dataBytesMax));
  return errors;
}

/** Bytes that a base64 text stands for. */
export function base64Bytes(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return Math.floor((text.length * 3) / 4) - padding;
}
