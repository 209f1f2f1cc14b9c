import type {
  AppArmorProfile,
  Container,
  Pod,
  SELinuxOptions,
  SeccompProfile,
} from '../../api/core/v1/types.generated.ts';
import type { LinuxSecurity, RuntimeImage } from '../runtime/contract.ts';
import { ContainerConfigError } from './environment.ts';
import { formatPod } from './pod-containers.ts';

/** The container's security settings over the pod's, checked against the user the image names. */
export function linuxSecurity(
  pod: Pod,
  container: Container,
  image: RuntimeImage,
  seccompDirectory: string,
): LinuxSecurity {
  const podContext = pod.spec?.securityContext ?? {};
  const own = container.securityContext ?? {};
  const runAsUser = own.runAsUser ?? podContext.runAsUser;
  const runAsGroup = own.runAsGroup ?? podContext.runAsGroup;
  if (own.runAsNonRoot ?? podContext.runAsNonRoot ?? false) requireNonRoot(pod, container, runAsUser, image);
  const privileged = own.privileged === true;
  const groups = new Set(podContext.supplementalGroups ?? []);
  if (podContext.fsGroup !== undefined) groups.add(podContext.fsGroup);
  return {
    privileged,
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    ...(runAsUser === undefined && runAsGroup !== undefined && image.user !== ''
      ? { runAsUserName: image.user.split(':')[0] ?? '' }
      : {}),
    supplementalGroups: [...groups],
    readOnlyRootFilesystem: own.readOnlyRootFilesystem === true,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    seccompProfile: seccompOf(own.seccompProfile ?? podContext.seccompProfile, seccompDirectory),
    apparmorProfile: apparmorOf(own.appArmorProfile ?? podContext.appArmorProfile),
    selinuxLabel: selinuxOf(own.seLinuxOptions ?? podContext.seLinuxOptions),
    ...(own.procMount === 'Unmasked' ? { maskedPaths: [] } : {}),
  };
}

function requireNonRoot(pod: Pod, container: Container, runAsUser: number | undefined, image: RuntimeImage): void {
  const where = `(pod: "${formatPod(pod)}", container: ${container.name})`;
  if (runAsUser !== undefined) {
    if (runAsUser === 0) {
      throw new ContainerConfigError(`container's runAsUser breaks non-root policy ${where}`);
    }
    return;
  }
  const user = image.user.split(':')[0] ?? '';
  if (user === '' || user === '0') {
    throw new ContainerConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  }
  if (!/^\d+$/.test(user)) {
    throw new ContainerConfigError(
      `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root ${where}`,
    );
  }
}

function seccompOf(profile: SeccompProfile | undefined, directory: string): string {
  if (profile?.type === 'Localhost') return `localhost/${directory}/${profile.localhostProfile ?? ''}`;
  // No profile is unconfined upstream; Docker's own default profile is kept off likewise.
  return profile?.type === 'RuntimeDefault' ? 'runtime/default' : 'unconfined';
}

function apparmorOf(profile: AppArmorProfile | undefined): string {
  if (profile?.type === 'Localhost') return `localhost/${profile.localhostProfile ?? ''}`;
  return profile?.type === 'Unconfined' ? 'unconfined' : 'runtime/default';
}

function selinuxOf(options: SELinuxOptions | undefined): string[] {
  if (options === undefined) return [];
  const labels: string[] = [];
  for (const key of ['user', 'role', 'type', 'level'] as const) {
    const value = options[key];
    if (value !== undefined && value !== '') labels.push(`${key}:${value}`);
  }
  return labels;
}
