import type { FieldError } from '../../../machinery/status-error.ts';
import {
  type FieldPath,
  forbiddenField,
  invalidValue,
  notFoundValue,
  notSupported,
  required,
} from '../../field-errors.ts';
import type { Container, EphemeralContainer, Volume, VolumeDevice, VolumeMount } from './types.generated.ts';
import { validateLocalDescendingPath } from './volume-validation.ts';

const propagations: readonly string[] = ['Bidirectional', 'HostToContainer', 'None'];
const recursiveReadOnlyModes: readonly string[] = ['Disabled', 'IfPossible', 'Enabled'];

export function validateMounts(
  container: Container | EphemeralContainer,
  volumes: ReadonlyMap<string, Volume>,
  path: FieldPath,
  errors: FieldError[],
): void {
  const mounts = container.volumeMounts;
  if (mounts !== undefined && mounts !== null && mounts.length > 0) {
    const seen = new Set<string>();
    for (let index = 0; index < mounts.length; index++) {
      const mount = mounts[index];
      if (mount === undefined) continue;
      validateMount(mount, container, volumes, seen, { list: path, index }, errors);
    }
  }
  validateDevices(container.volumeDevices, volumes, path, errors);
}

function validateMount(
  mount: VolumeMount,
  container: Container | EphemeralContainer,
  volumes: ReadonlyMap<string, Volume>,
  seen: Set<string>,
  { list, index }: { list: FieldPath; index: number },
  errors: FieldError[],
): void {
  const at = list.at('volumeMounts', index);
  if (!mount.name) errors.push(required(at.child('name')));
  if (!volumes.has(mount.name)) errors.push(notFoundValue(at.child('name'), mount.name));
  if (!mount.mountPath) errors.push(required(at.child('mountPath')));
  if (seen.has(mount.mountPath)) errors.push(invalidValue(at.child('mountPath'), mount.mountPath, 'must be unique'));
  seen.add(mount.mountPath);
  for (const device of container.volumeDevices ?? []) {
    if (device.name === mount.name) {
      errors.push(invalidValue(at.child('name'), mount.name, 'must not already exist in volumeDevices'));
    }
    if (device.devicePath === mount.mountPath) {
      const detail = 'must not already exist as a path in volumeDevices';
      errors.push(invalidValue(at.child('mountPath'), mount.mountPath, detail));
    }
  }
  // Upstream names the list, not the item, in the errors of these fields.
  const parent = list.child('volumeMounts');
  if (mount.subPath) validateLocalDescendingPath(mount.subPath, parent.child('subPath'), errors);
  if (mount.subPathExpr) {
    if (mount.subPath) {
      const detail = 'subPathExpr and subPath are mutually exclusive';
      errors.push(invalidValue(at.child('subPathExpr'), mount.subPathExpr, detail));
    }
    validateLocalDescendingPath(mount.subPathExpr, parent.child('subPathExpr'), errors);
  }
  validatePropagation(mount, container, parent, errors);
}

function validatePropagation(
  mount: VolumeMount,
  container: Container | EphemeralContainer,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { mountPropagation, recursiveReadOnly } = mount;
  if (mountPropagation) {
    const at = path.child('mountPropagation');
    if (!propagations.includes(mountPropagation)) errors.push(notSupported(at, mountPropagation, propagations));
    if (mountPropagation === 'Bidirectional' && container.securityContext?.privileged !== true) {
      const detail = 'Bidirectional mount propagation is available only to privileged containers';
      errors.push(forbiddenField(at, detail));
    }
  }
  if (!recursiveReadOnly || recursiveReadOnly === 'Disabled') return;
  const at = path.child('recursiveReadOnly');
  if (!recursiveReadOnlyModes.includes(recursiveReadOnly)) {
    errors.push(notSupported(at, recursiveReadOnly, recursiveReadOnlyModes));
    return;
  }
  if (mount.readOnly !== true) errors.push(forbiddenField(at, 'may only be specified when readOnly is true'));
  if (mountPropagation && mountPropagation !== 'None') {
    errors.push(forbiddenField(at, 'may only be specified when mountPropagation is None or not specified'));
  }
}

function validateDevices(
  devices: readonly VolumeDevice[] | undefined,
  volumes: ReadonlyMap<string, Volume>,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (devices === undefined || devices === null) return;
  const names = new Set<string>();
  const paths = new Set<string>();
  devices.forEach((device, index) => {
    const at = path.at('volumeDevices', index);
    const { name, devicePath } = device;
    if (!name) errors.push(required(at.child('name')));
    if (names.has(name)) errors.push(invalidValue(at.child('name'), name, 'must be unique'));
    const volume = volumes.get(name);
    if (volume === undefined) errors.push(notFoundValue(at.child('name'), name));
    else if (!volume.persistentVolumeClaim && !volume.ephemeral) {
      const detail = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
      errors.push(invalidValue(at.child('name'), name, detail));
    }
    if (!devicePath) errors.push(required(at.child('devicePath')));
    else {
      if (paths.has(devicePath)) errors.push(invalidValue(at.child('devicePath'), devicePath, 'must be unique'));
      if (devicePath.split('/').includes('..')) {
        errors.push(invalidValue(at.child('devicePath'), devicePath, "can not contain backsteps ('..')"));
      }
    }
    names.add(name);
    paths.add(devicePath);
  });
}
