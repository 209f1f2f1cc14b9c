import { rangeProblem } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { duplicate, type FieldPath, forbiddenField, invalidValue, notSupported, required } from '../../field-errors.ts';
import type {
  AppArmorProfile,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
  Sysctl,
  WindowsSecurityContextOptions,
} from './types.generated.ts';

const idMax = 2147483647;

/** The security context of one container. */
export function validateSecurityContext(
  context: SecurityContext | undefined | null,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (context === undefined || context === null) return;
  validateId(context.runAsUser, 'runAsUser', path, errors);
  validateId(context.runAsGroup, 'runAsGroup', path, errors);
  const { procMount } = context;
  if (procMount && procMount !== 'Default' && procMount !== 'Unmasked') {
    errors.push(notSupported(path.child('procMount'), procMount, ['Default', 'Unmasked']));
  }
  validateSeccomp(context.seccompProfile, path.child('seccompProfile'), errors);
  validateAppArmor(context.appArmorProfile, path.child('appArmorProfile'), errors);
  validateWindowsOptions(context.windowsOptions, path.child('windowsOptions'), errors);
  if (context.allowPrivilegeEscalation !== false) return;
  if (context.privileged === true) {
    const detail = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true';
    errors.push(invalidValue(path, context, detail));
  }
  if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
    const detail = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
    errors.push(invalidValue(path, context, detail));
  }
}

/** The security context of a pod, with the host namespaces that stand beside it in the spec. */
export function validatePodSecurityContext(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  if (spec.hostNetwork === true) validateHostNetworkPorts(spec, path, errors);
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    const detail = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalidValue(path.child('shareProcessNamespace'), true, detail));
  }
  if (spec.hostUsers === false) validateUserNamespace(spec, path, errors);
  const context = spec.securityContext;
  if (context === undefined || context === null) return;
  for (const _field in context) {
    validateContext(context, spec, path.child('securityContext'), errors);
    break;
  }
}

function validateContext(context: PodSecurityContext, spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  validateId(context.fsGroup, 'fsGroup', path, errors);
  validateId(context.runAsUser, 'runAsUser', path, errors);
  validateId(context.runAsGroup, 'runAsGroup', path, errors);
  context.supplementalGroups?.forEach((group, index) => {
    if (!isId(group)) errors.push(invalidValue(path.at('supplementalGroups', index), group, rangeProblem(0, idMax)));
  });
  oneOf(context.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], path.child('fsGroupChangePolicy'), errors);
  oneOf(context.supplementalGroupsPolicy, ['Merge', 'Strict'], path.child('supplementalGroupsPolicy'), errors);
  oneOf(context.seLinuxChangePolicy, ['MountOption', 'Recursive'], path.child('seLinuxChangePolicy'), errors);
  validateSeccomp(context.seccompProfile, path.child('seccompProfile'), errors);
  validateAppArmor(context.appArmorProfile, path.child('appArmorProfile'), errors);
  validateWindowsOptions(context.windowsOptions, path.child('windowsOptions'), errors);
  if (context.sysctls) validateSysctls(context.sysctls, spec, path, errors);
}

function oneOf(
  value: string | undefined | null,
  allowed: readonly string[],
  path: FieldPath,
  errors: FieldError[],
): void {
  if (value === undefined || value === null || allowed.includes(value)) return;
  errors.push(notSupported(path, value, allowed));
}

function isId(value: number): boolean {
  return value >= 0 && value <= idMax;
}

function validateId(value: number | undefined | null, name: string, path: FieldPath, errors: FieldError[]): void {
  if (value === undefined || value === null || isId(value)) return;
  errors.push(invalidValue(path.child(name), value, rangeProblem(0, idMax)));
}

const seccompTypes: readonly string[] = ['Localhost', 'RuntimeDefault', 'Unconfined'];

function validateSeccomp(profile: SeccompProfile | undefined | null, path: FieldPath, errors: FieldError[]): void {
  if (profile === undefined || profile === null) return;
  const { type, localhostProfile } = profile;
  if (!type) return void errors.push(required(path.child('type'), 'type is required when seccompProfile is set'));
  if (type !== 'Localhost' && localhostProfile !== undefined && localhostProfile !== null) {
    const detail = 'can only be set when seccomp type is Localhost';
    errors.push(invalidValue(path.child('localhostProfile'), profile, detail));
  }
  if (!seccompTypes.includes(type)) errors.push(notSupported(path.child('type'), type, seccompTypes));
  else if (type === 'Localhost' && !localhostProfile) {
    errors.push(required(path.child('localhostProfile'), 'must be set when seccomp type is Localhost'));
  }
}

function validateAppArmor(profile: AppArmorProfile | undefined | null, path: FieldPath, errors: FieldError[]): void {
  if (profile === undefined || profile === null) return;
  const { type, localhostProfile } = profile;
  if (!type) return void errors.push(required(path.child('type'), 'type is required when appArmorProfile is set'));
  if (!seccompTypes.includes(type)) {
    errors.push(notSupported(path.child('type'), type, seccompTypes));
    return;
  }
  if (type === 'Localhost') {
    if (!localhostProfile) {
      errors.push(required(path.child('localhostProfile'), 'must be set when AppArmor type is Localhost'));
    }
  } else if (localhostProfile !== undefined && localhostProfile !== null) {
    const detail = 'can only be set when AppArmor type is Localhost';
    errors.push(invalidValue(path.child('localhostProfile'), localhostProfile, detail));
  }
}

function validateWindowsOptions(
  options: WindowsSecurityContextOptions | undefined | null,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (options === undefined || options === null) return;
  if (options.runAsUserName === '') {
    errors.push(invalidValue(path.child('runAsUserName'), '', 'runAsUserName cannot be an empty string'));
  }
}

const sysctlSegment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const sysctlFormat = `^(${sysctlSegment}[\\./])*${sysctlSegment}$`;
const sysctlPattern = new RegExp(sysctlFormat);

function validateSysctls(sysctls: readonly Sysctl[], spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const seen = new Set<string>();
  sysctls.forEach(({ name = '' }, index) => {
    const at = path.at('sysctls', index).child('name');
    if (!name) errors.push(required(at));
    else if (name.length > 253 || !sysctlPattern.test(name)) {
      errors.push(invalidValue(at, name, `must have at most 253 characters and match regex ${sysctlFormat}`));
    } else if (seen.has(name)) errors.push(duplicate(at, name));
    seen.add(name);
    if (spec.hostNetwork === true && (name.startsWith('net.') || name.startsWith('net/'))) {
      errors.push(invalidValue(at, name, "may not be specified when 'hostNetwork' is true"));
    }
    if (spec.hostIPC === true && /^(?:fs[./]mqueue[./]|kernel[./](?:shm|msg|sem))/.test(name)) {
      errors.push(invalidValue(at, name, "may not be specified when 'hostIPC' is true"));
    }
  });
}

/** A template may leave host ports open; a pod has them by default. */
function validateHostNetworkPorts(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  spec.containers?.forEach((container, index) => {
    container.ports?.forEach((port, position) => {
      if (!port.hostPort || port.hostPort === port.containerPort) return;
      const at = path.at('containers', index).at('ports', position).child('hostPort');
      errors.push(invalidValue(at, port.hostPort, 'must match `containerPort` when `hostNetwork` is true'));
    });
  });
}

/** The capital letters are upstream's. */
const hostNamespaces = [
  ['hostNetwork', 'hostNetwork'],
  ['hostPID', 'HostPID'],
  ['hostIPC', 'HostIPC'],
] as const;

function validateUserNamespace(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  for (const [field, shown] of hostNamespaces) {
    if (spec[field] === true) errors.push(forbiddenField(path.child(shown), 'when `pod.Spec.HostUsers` is false'));
  }
}
