import { isConfigMapKey, isDns1123Subdomain, isQualifiedName, isRelaxedEnvVarName } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { type FieldPath, invalidEach, invalidValue, notSupported, required } from '../../field-errors.ts';
import { isZero } from './resource-list.ts';
import type {
  ConfigMapKeySelector,
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  FileKeySelector,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from './types.generated.ts';

const sourcesText = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';

export function validateEnv(env: readonly EnvVar[] | undefined, path: FieldPath, errors: FieldError[]): void {
  if (env === undefined || env === null) return;
  for (let index = 0; index < env.length; index++) {
    const variable = env[index];
    if (variable === undefined) continue;
    if (variable.name === undefined || variable.name === '') errors.push(required(path.at('env', index).child('name')));
    else {
      const problems = isRelaxedEnvVarName(variable.name);
      if (problems.length > 0) invalidEach(errors, path.at('env', index).child('name'), variable.name, problems);
    }
    if (variable.valueFrom) {
      validateSource(variable, variable.valueFrom, path.at('env', index).child('valueFrom'), errors);
    }
  }
}

export function validateEnvFrom(
  sources: readonly EnvFromSource[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  sources?.forEach((source, index) => {
    const at = path.at('envFrom', index);
    if (source.prefix) invalidEach(errors, at.child('prefix'), source.prefix, isRelaxedEnvVarName(source.prefix));
    let count = 0;
    if (source.configMapRef) {
      count++;
      validateReference(source.configMapRef.name, at.child('configMapRef'), errors);
    }
    if (source.secretRef) {
      count++;
      validateReference(source.secretRef.name, at.child('secretRef'), errors);
    }
    const list = path.child('envFrom');
    if (count === 0) errors.push(invalidValue(list, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (count > 1) errors.push(invalidValue(list, '', 'may not have more than one field specified at a time'));
  });
}

function validateSource(variable: EnvVar, from: EnvVarSource, path: FieldPath, errors: FieldError[]): void {
  let count = 0;
  if (from.fieldRef) {
    count++;
    validateFieldSelector(from.fieldRef, environmentFields, path.child('fieldRef'), errors);
  }
  if (from.resourceFieldRef) {
    count++;
    validateResourceFieldSelector(from.resourceFieldRef, false, path.child('resourceFieldRef'), errors);
  }
  if (from.configMapKeyRef) {
    count++;
    validateKeySelector(from.configMapKeyRef, path.child('configMapKeyRef'), errors);
  }
  if (from.secretKeyRef) {
    count++;
    validateKeySelector(from.secretKeyRef, path.child('secretKeyRef'), errors);
  }
  if (from.fileKeyRef) {
    count++;
    validateFileKey(from.fileKeyRef, path.child('fileKeyRef'), errors);
  }
  if (count === 0) errors.push(invalidValue(path, '', `must specify one of: ${sourcesText}`));
  if (variable.value !== undefined && variable.value !== '') {
    if (count !== 0) errors.push(invalidValue(path, '', 'may not be specified when `value` is not empty'));
  } else if (count > 1) {
    errors.push(invalidValue(path, '', 'may not have more than one field specified at a time'));
  }
}

function validateReference(name: string | undefined, path: FieldPath, errors: FieldError[]): void {
  if (!name) errors.push(required(path.child('name')));
  else invalidEach(errors, path.child('name'), name, isDns1123Subdomain(name));
}

function validateKeySelector(selector: ConfigMapKeySelector, path: FieldPath, errors: FieldError[]): void {
  const name = selector.name ?? '';
  invalidEach(errors, path.child('name'), name, isDns1123Subdomain(name));
  if (!selector.key) errors.push(required(path.child('key')));
  else invalidEach(errors, path.child('key'), selector.key, isConfigMapKey(selector.key));
}

function validateFileKey(selector: FileKeySelector, path: FieldPath, errors: FieldError[]): void {
  if (!selector.volumeName) errors.push(required(path.child('volumeName')));
  if (!selector.path) errors.push(required(path.child('path')));
  if (!selector.key) errors.push(required(path.child('key')));
  else invalidEach(errors, path.child('key'), selector.key, isRelaxedEnvVarName(selector.key));
}

const environmentFields: ReadonlySet<string> = new Set([
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]);

/** Fields of a pod that a downward API volume may show. */
export const volumeFields: ReadonlySet<string> = new Set([
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
]);

/** What a pod's field labels convert to; anything else is unknown (pkg/apis/core/pods.ConvertDownwardAPIFieldLabel). */
const convertibleFields: ReadonlySet<string> = new Set([
  ...environmentFields,
  ...volumeFields,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
]);

const subscripted = /^(metadata\.(?:annotations|labels))\['(.*)'\]$/;

export function validateFieldSelector(
  selector: ObjectFieldSelector,
  allowed: ReadonlySet<string>,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { apiVersion = '', fieldPath = '' } = selector;
  if (apiVersion === '') return void errors.push(required(path.child('apiVersion')));
  if (fieldPath === '') return void errors.push(required(path.child('fieldPath')));
  if (allowed.has(fieldPath) && apiVersion === 'v1') return;
  const at = path.child('fieldPath');
  if (apiVersion !== 'v1') {
    errors.push(invalidValue(at, fieldPath, `error converting fieldPath: unsupported pod version: ${apiVersion}`));
    return;
  }
  const parts = subscripted.exec(fieldPath);
  if (parts !== null) {
    const [, field = '', key = ''] = parts;
    const name = field === 'metadata.annotations' ? key.toLowerCase() : key;
    invalidEach(errors, path, name, isQualifiedName(name));
    return;
  }
  if (convertibleFields.has(fieldPath)) errors.push(notSupported(at, fieldPath, [...allowed].sort()));
  else {
    const detail = `error converting fieldPath: field label not supported: ${fieldPath}`;
    errors.push(invalidValue(at, fieldPath, detail));
  }
}

const resourceFields: readonly string[] = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

const byteDivisors: ReadonlySet<string> = new Set(
  ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((suffix) => `1${suffix}`),
);
const cpuDivisors: ReadonlySet<string> = new Set(['1m', '1']);

export function validateResourceFieldSelector(
  selector: ResourceFieldSelector,
  inVolume: boolean,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { resource = '', divisor = '0' } = selector;
  if (inVolume && !selector.containerName) return void errors.push(required(path.child('containerName')));
  if (resource === '') return void errors.push(required(path.child('resource')));
  const isHugePages = resource.startsWith('limits.hugepages-') || resource.startsWith('requests.hugepages-');
  if (!isHugePages && !resourceFields.includes(resource)) {
    errors.push(notSupported(path.child('resource'), resource, resourceFields));
    return;
  }
  if (isZero(divisor)) return;
  const isCpu = resource.endsWith('.cpu');
  if ((isCpu ? cpuDivisors : byteDivisors).has(String(divisor))) return;
  const name = isCpu
    ? 'cpu'
    : resource.endsWith('.memory')
      ? 'memory'
      : isHugePages
        ? 'hugepages'
        : 'local ephemeral storage';
  const values = isCpu ? '1m and 1' : '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei';
  const detail = `only divisor's values ${values} are supported with the ${name} resource`;
  errors.push(invalidValue(path.child('divisor'), resource, detail));
}
