import { isConfigMapKey, isDns1123Label, isDns1123Subdomain } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import {
  duplicate,
  type FieldPath,
  forbiddenField,
  invalidEach,
  invalidValue,
  notSupported,
  required,
  tooLong,
} from '../../field-errors.ts';
import { validateLabels } from '../../label-validation.ts';
import { validateFieldSelector, validateResourceFieldSelector, volumeFields } from './env-validation.ts';
import { validateClaimSpec } from './persistent-volume-claim-validation.ts';
import { checkQuantity, isNegative } from './resource-list.ts';
import type {
  DownwardAPIVolumeFile,
  EphemeralVolumeSource,
  HostPathVolumeSource,
  KeyToPath,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from './types.generated.ts';

/** Answers the volumes by name, for the mounts to look up. */
export function validateVolumes(
  volumes: readonly Volume[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): ReadonlyMap<string, Volume> {
  if (volumes === undefined || volumes === null || volumes.length === 0) return noVolumes;
  const known = new Map<string, Volume>();
  for (let index = 0; index < volumes.length; index++) {
    const volume = volumes[index];
    if (volume === undefined) continue;
    const at = path.at('volumes', index);
    const before = errors.length;
    validateSource(volume, at, errors);
    const { name } = volume;
    if (name === undefined || name === '') errors.push(required(at.child('name')));
    else {
      invalidEach(errors, at.child('name'), name, isDns1123Label(name));
      if (known.has(name)) errors.push(duplicate(at.child('name'), name));
    }
    if (errors.length === before) known.set(name, volume);
  }
  return known;
}

const noVolumes: ReadonlyMap<string, Volume> = new Map();

type SourceName = Exclude<keyof Volume, 'name'>;
type SourceCheck = (volume: Volume, path: FieldPath, errors: FieldError[]) => void;

/** Required text fields of a source, checked by name. */
function needs(source: SourceName, ...fields: readonly string[]): SourceCheck {
  return (volume, path, errors) => {
    const values = volume[source] as Readonly<Record<string, unknown>> | undefined;
    for (const field of fields) {
      const value = values?.[field];
      if (value === undefined || value === null || value === '') errors.push(required(path.child(field)));
    }
  };
}

const sourceChecks: Readonly<Record<SourceName, SourceCheck>> = {
  emptyDir: (volume, path, errors) => {
    const limit = volume.emptyDir?.sizeLimit;
    if (limit === undefined || limit === null || !checkQuantity(limit, path.child('sizeLimit'), errors)) return;
    if (isNegative(limit)) {
      errors.push(forbiddenField(path.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity'));
    }
  },
  hostPath: (volume, path, errors) => {
    if (volume.hostPath) validateHostPath(volume.hostPath, path, errors);
  },
  configMap: (volume, path, errors) => {
    const source = volume.configMap;
    if (!source?.name) errors.push(required(path.child('name')));
    validateFileMode(source?.defaultMode, path.child('defaultMode'), errors);
    validateItems(source?.items, path, errors);
  },
  secret: (volume, path, errors) => {
    const source = volume.secret;
    if (!source?.secretName) errors.push(required(path.child('secretName')));
    validateFileMode(source?.defaultMode, path.child('defaultMode'), errors);
    validateItems(source?.items, path, errors);
  },
  downwardAPI: (volume, path, errors) => {
    validateFileMode(volume.downwardAPI?.defaultMode, path.child('defaultMode'), errors);
    validateDownwardItems(volume.downwardAPI?.items, path, errors);
  },
  projected: (volume, path, errors) => {
    if (volume.projected) validateProjected(volume.projected, path, errors);
  },
  persistentVolumeClaim: needs('persistentVolumeClaim', 'claimName'),
  ephemeral: (volume, path, errors) => {
    if (volume.ephemeral) validateEphemeral(volume.ephemeral, path, errors);
  },
  nfs: (volume, path, errors) => {
    needs('nfs', 'server', 'path')(volume, path, errors);
    const shared = volume.nfs?.path ?? '/';
    if (!shared.startsWith('/')) errors.push(invalidValue(path.child('path'), shared, 'must be an absolute path'));
  },
  csi: (volume, path, errors) => {
    const driver = volume.csi?.driver ?? '';
    validateDriverName(driver, path.child('driver'), errors);
    const secret = volume.csi?.nodePublishSecretRef;
    if (secret && !secret.name) errors.push(required(path.child('nodePublishSecretRef').child('name')));
  },
  image: (volume, path, errors) => {
    const policy = volume.image?.pullPolicy ?? '';
    if (policy !== '' && !pullPolicies.includes(policy)) {
      errors.push(notSupported(path.child('pullPolicy'), policy, pullPolicies));
    }
  },
  awsElasticBlockStore: needs('awsElasticBlockStore', 'volumeID'),
  azureDisk: needs('azureDisk', 'diskName', 'diskURI'),
  azureFile: needs('azureFile', 'secretName', 'shareName'),
  cephfs: (volume, path, errors) => {
    if ((volume.cephfs?.monitors ?? []).length === 0) errors.push(required(path.child('monitors')));
  },
  cinder: needs('cinder', 'volumeID'),
  fc: (volume, path, errors) => {
    const { targetWWNs = [], wwids = [], lun } = volume.fc ?? {};
    if (targetWWNs.length === 0 && wwids.length === 0) {
      errors.push(required(path.child('targetWWNs'), 'must specify either targetWWNs or wwids, but not both'));
    }
    if (targetWWNs.length > 0 && lun === undefined) {
      errors.push(required(path.child('lun'), 'lun is required if targetWWNs is specified'));
    }
  },
  flexVolume: needs('flexVolume', 'driver'),
  flocker: (volume, path, errors) => {
    const { datasetName = '', datasetUUID = '' } = volume.flocker ?? {};
    if (datasetName === '' && datasetUUID === '') {
      errors.push(required(path, 'one of datasetName and datasetUUID is required'));
    }
  },
  gcePersistentDisk: needs('gcePersistentDisk', 'pdName'),
  gitRepo: needs('gitRepo', 'repository'),
  glusterfs: needs('glusterfs', 'endpoints', 'path'),
  iscsi: needs('iscsi', 'targetPortal', 'iqn'),
  photonPersistentDisk: needs('photonPersistentDisk', 'pdID'),
  portworxVolume: needs('portworxVolume', 'volumeID'),
  quobyte: needs('quobyte', 'registry', 'volume'),
  rbd: (volume, path, errors) => {
    if ((volume.rbd?.monitors ?? []).length === 0) errors.push(required(path.child('monitors')));
    needs('rbd', 'image')(volume, path, errors);
  },
  scaleIO: needs('scaleIO', 'gateway', 'system', 'volumeName'),
  storageos: needs('storageos', 'volumeName'),
  vsphereVolume: needs('vsphereVolume', 'volumePath'),
};

const pullPolicies: readonly string[] = ['Always', 'IfNotPresent', 'Never'];

function validateSource(volume: Volume, path: FieldPath, errors: FieldError[]): void {
  let count = 0;
  for (const field in volume) {
    if (field === 'name' || !Object.hasOwn(sourceChecks, field)) continue;
    const name = field as SourceName;
    if (volume[name] === undefined || volume[name] === null) continue;
    count++;
    if (count > 1) errors.push(forbiddenField(path.child(name), 'may not specify more than 1 volume type'));
    else sourceChecks[name](volume, path.child(name), errors);
  }
  if (count === 0) errors.push(required(path, 'must specify a volume type'));
}

const hostPathTypes: readonly string[] = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

export function validateHostPath(source: HostPathVolumeSource, path: FieldPath, errors: FieldError[]): void {
  if (!source.path) {
    errors.push(required(path.child('path')));
    return;
  }
  validateNoBacksteps(source.path, path.child('path'), errors);
  const type = source.type ?? '';
  if (!hostPathTypes.includes(type)) errors.push(notSupported(path.child('type'), type, hostPathTypes));
}

const driverLengthMax = 63;

export function validateDriverName(driver: string, path: FieldPath, errors: FieldError[]): void {
  if (driver === '') errors.push(required(path));
  if (driver.length > driverLengthMax) errors.push(tooLong(path, driverLengthMax));
  invalidEach(errors, path, driver, isDns1123Subdomain(driver.toLowerCase()));
}

function validateEphemeral(source: EphemeralVolumeSource, path: FieldPath, errors: FieldError[]): void {
  const at = path.child('volumeClaimTemplate');
  const template = source.volumeClaimTemplate;
  if (template === undefined || template === null) return void errors.push(required(at));
  validateLabels(template.metadata?.labels, at.child('metadata').child('labels'), errors);
  validateClaimSpec(template.spec, at.child('spec'), errors);
}

const modeProblem = 'must be a number between 0 and 0777 (octal), both inclusive';

function validateFileMode(mode: number | undefined | null, path: FieldPath, errors: FieldError[]): void {
  if (mode === undefined || mode === null) return;
  if (mode < 0 || mode > 0o777) errors.push(invalidValue(path, mode, modeProblem));
}

function validateItems(items: readonly KeyToPath[] | undefined, path: FieldPath, errors: FieldError[]): void {
  items?.forEach((item, index) => {
    const at = path.at('items', index);
    if (!item.key) errors.push(required(at.child('key')));
    else invalidEach(errors, at.child('key'), item.key, isConfigMapKey(item.key));
    validateFilePath(item.path, at.child('path'), errors);
    validateFileMode(item.mode, at.child('mode'), errors);
  });
}

function validateFilePath(file: string | undefined, path: FieldPath, errors: FieldError[]): void {
  if (file === undefined || file === '') errors.push(required(path));
  else validateLocalNonReservedPath(file, path, errors);
}

function validateDownwardItems(
  items: readonly DownwardAPIVolumeFile[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  items?.forEach((item, index) => {
    const at = path.at('items', index);
    validateFilePath(item.path, at.child('path'), errors);
    if (item.fieldRef) {
      validateFieldSelector(item.fieldRef, volumeFields, at.child('fieldRef'), errors);
      if (item.resourceFieldRef) {
        errors.push(invalidValue(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
      }
    } else if (item.resourceFieldRef) {
      validateResourceFieldSelector(item.resourceFieldRef, true, at.child('resourceFieldRef'), errors);
    } else errors.push(required(at.child('fieldRef'), 'one of fieldRef and resourceFieldRef is required'));
    validateFileMode(item.mode, at.child('mode'), errors);
  });
}

function validateProjected(source: ProjectedVolumeSource, path: FieldPath, errors: FieldError[]): void {
  validateFileMode(source.defaultMode, path.child('defaultMode'), errors);
  const files = new Set<string>();
  source.sources?.forEach((projection, index) => {
    const at = path.at('sources', index);
    validateProjection(projection, at, errors);
    for (const file of filesOf(projection)) {
      if (files.has(file)) errors.push(invalidValue(at, file, 'conflicting duplicate paths'));
      files.add(file);
    }
  });
}

function validateProjection(source: VolumeProjection, path: FieldPath, errors: FieldError[]): void {
  let count = 0;
  const isFirst = (name: string): boolean => {
    count++;
    if (count > 1) errors.push(forbiddenField(path.child(name), 'may not specify more than 1 volume type per source'));
    return count === 1;
  };
  for (const name of ['secret', 'configMap'] as const) {
    const projected = source[name];
    if (!projected || !isFirst(name)) continue;
    if (!projected.name) errors.push(required(path.child(name).child('name')));
    validateItems(projected.items, path.child(name), errors);
  }
  if (source.downwardAPI && isFirst('downwardAPI')) {
    validateDownwardItems(source.downwardAPI.items, path.child('downwardAPI'), errors);
  }
  if (source.serviceAccountToken && isFirst('serviceAccountToken')) {
    validateToken(source.serviceAccountToken, path.child('serviceAccountToken'), errors);
  }
  if (source.clusterTrustBundle && isFirst('clusterTrustBundle')) {
    validateFilePath(source.clusterTrustBundle.path, path.child('clusterTrustBundle').child('path'), errors);
  }
  if (source.podCertificate) isFirst('podCertificate');
  if (count === 0) errors.push(required(path, 'must specify a volume source'));
}

function validateToken(token: ServiceAccountTokenProjection, path: FieldPath, errors: FieldError[]): void {
  const seconds = token.expirationSeconds ?? 0;
  if (seconds < 600) {
    errors.push(
      invalidValue(path.child('expirationSeconds'), seconds, 'may not specify a duration less than 10 minutes'),
    );
  }
  if (seconds > 2 ** 32) {
    const detail = 'may not specify a duration larger than 2^32 seconds';
    errors.push(invalidValue(path.child('expirationSeconds'), seconds, detail));
  }
  if (!token.path) errors.push(required(path.child('path')));
  else validateLocalNonReservedPath(token.path, path.child('path'), errors);
}

function filesOf(source: VolumeProjection): string[] {
  const items = source.secret?.items ?? source.configMap?.items ?? source.downwardAPI?.items ?? [];
  const files = items.map((item) => item.path);
  const single = source.serviceAccountToken?.path ?? source.clusterTrustBundle?.path;
  if (single) files.push(single);
  return files;
}

/** Relative, and without `..` anywhere. */
export function validateLocalDescendingPath(value: string, path: FieldPath, errors: FieldError[]): void {
  if (value.startsWith('/')) errors.push(invalidValue(path, value, 'must be a relative path'));
  validateNoBacksteps(value, path, errors);
}

export function validateNoBacksteps(value: string, path: FieldPath, errors: FieldError[]): void {
  if (value.includes('..') && value.split('/').includes('..')) {
    errors.push(invalidValue(path, value, "must not contain '..'"));
  }
}

function validateLocalNonReservedPath(value: string, path: FieldPath, errors: FieldError[]): void {
  validateLocalDescendingPath(value, path, errors);
  if (value.startsWith('..') && !value.startsWith('../')) {
    errors.push(invalidValue(path, value, "must not start with '..'"));
  }
}
