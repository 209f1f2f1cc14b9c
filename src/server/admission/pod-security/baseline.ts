import type { LifecycleHandler, Probe, SELinuxOptions } from '../../../api/core/v1/types.generated.ts';
import {
  type AnyContainer,
  type Check,
  containersOf,
  counted,
  isInUserNamespace,
  namesOf,
  plural,
  quoted,
  setters,
  sorted,
  type Violation,
} from './check.ts';

const userNamespacesSince = 34;
const windowsFlag = 'securityContext.windowsOptions.hostProcess=true';
const defaultCapabilities = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  ),
);
/** The first minor version that takes each of these for safe. */
const safeSysctls: Readonly<Record<string, number>> = {
  'kernel.shm_rmid_forced': 0,
  'net.ipv4.ip_local_port_range': 0,
  'net.ipv4.tcp_syncookies': 0,
  'net.ipv4.ping_group_range': 0,
  'net.ipv4.ip_unprivileged_port_start': 0,
  'net.ipv4.ip_local_reserved_ports': 27,
  'net.ipv4.tcp_keepalive_time': 29,
  'net.ipv4.tcp_fin_timeout': 29,
  'net.ipv4.tcp_keepalive_intvl': 29,
  'net.ipv4.tcp_keepalive_probes': 29,
  'net.ipv4.tcp_rmem': 32,
  'net.ipv4.tcp_wmem': 32,
};
const allowedProfiles: readonly (string | undefined)[] = ['RuntimeDefault', 'Localhost'];

/** What no ordinary pod needs, as k8s.io/pod-security-admission/policy, in the order in which violations are told. */
export const baselineChecks: readonly Check[] = [
  { id: 'appArmorProfile', run: checkAppArmor },
  {
    id: 'capabilities_baseline',
    run({ spec }) {
      const isForbidden = (name: string): boolean => !defaultCapabilities.has(name);
      const bad = namesOf(spec, (container) => added(container).some(isForbidden));
      if (bad.length === 0) return undefined;
      const forbidden = sorted(containersOf(spec).flatMap(added).filter(isForbidden));
      const detail = `${counted('container', bad)} must not include ${quoted(forbidden)} in securityContext.capabilities.add`;
      return { reason: 'non-default capabilities', detail };
    },
  },
  {
    id: 'hostNamespaces',
    run({ spec }) {
      const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true);
      if (used.length === 0) return undefined;
      return { reason: 'host namespaces', detail: used.map((field) => `${field}=true`).join(', ') };
    },
  },
  {
    id: 'hostPathVolumes',
    run({ spec }) {
      const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
      return names.length === 0 ? undefined : { reason: 'hostPath volumes', detail: counted('volume', names) };
    },
  },
  {
    id: 'hostPorts',
    run({ spec }) {
      const portsOf = ({ ports }: AnyContainer): string[] =>
        (ports ?? []).flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]));
      const bad = namesOf(spec, (container) => portsOf(container).length > 0);
      if (bad.length === 0) return undefined;
      const ports = sorted(containersOf(spec).flatMap(portsOf));
      const use = bad.length === 1 ? 'uses' : 'use';
      const detail = `${counted('container', bad)} ${use} ${plural('hostPort', ports.length)} ${ports.join(', ')}`;
      return { reason: 'hostPort', detail };
    },
  },
  {
    id: 'hostProbesAndHostLifecycle',
    since: 34,
    run({ spec }) {
      const bad = sorted(namesOf(spec, (container) => handlerHosts(container).length > 0));
      if (bad.length === 0) return undefined;
      const hosts = sorted(containersOf(spec).flatMap(handlerHosts));
      const use = bad.length === 1 ? 'uses' : 'use';
      const what = plural('probe or lifecycle host', hosts.length);
      return {
        reason: 'probe or lifecycle host',
        detail: `${counted('container', bad)} ${use} ${what} ${quoted(hosts)}`,
      };
    },
  },
  {
    id: 'privileged',
    run({ spec }) {
      const bad = namesOf(spec, ({ securityContext }) => securityContext?.privileged === true);
      if (bad.length === 0) return undefined;
      return {
        reason: 'privileged',
        detail: `${counted('container', bad)} must not set securityContext.privileged=true`,
      };
    },
  },
  {
    id: 'procMount',
    run({ spec }, minor) {
      if (minor >= userNamespacesSince && isInUserNamespace(spec)) return undefined;
      const mountOf = ({ securityContext }: AnyContainer): string => securityContext?.procMount ?? 'Default';
      const bad = namesOf(spec, (container) => mountOf(container) !== 'Default');
      if (bad.length === 0) return undefined;
      const types = sorted(
        containersOf(spec)
          .map(mountOf)
          .filter((type) => type !== 'Default'),
      );
      const detail = `${counted('container', bad)} must not set securityContext.procMount to ${quoted(types)}`;
      return { reason: 'procMount', detail };
    },
  },
  { id: 'seLinuxOptions', run: ({ spec }, minor) => checkSeLinux(spec, minor) },
  {
    id: 'seccompProfile_baseline',
    run({ spec }) {
      const isBad = (type: string | undefined): boolean => type !== undefined && !allowedProfiles.includes(type);
      const podType = spec.securityContext?.seccompProfile?.type;
      const typeOf = ({ securityContext }: AnyContainer): string | undefined => securityContext?.seccompProfile?.type;
      const bad = namesOf(spec, (container) => isBad(typeOf(container)));
      const values = [podType, ...containersOf(spec).map(typeOf)].filter((type) => type !== undefined).filter(isBad);
      return seccompViolation(isBad(podType), bad, values);
    },
  },
  {
    id: 'sysctls',
    run({ spec }, minor) {
      const names = (spec.securityContext?.sysctls ?? []).map(({ name }) => name);
      const unsafe = names.filter(
        (name) => (safeSysctls[name] ?? Number.POSITIVE_INFINITY) > minor || safeSysctls[name] === undefined,
      );
      return unsafe.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: unsafe.join(', ') };
    },
  },
  {
    id: 'windowsHostProcess',
    run({ spec }) {
      const bad = namesOf(spec, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true);
      const who = setters(spec.securityContext?.windowsOptions?.hostProcess === true, bad);
      return who === '' ? undefined : { reason: 'hostProcess', detail: `${who} must not set ${windowsFlag}` };
    },
  },
];

/** Shared by both levels: a profile other than the runtime's own or one of the host. */
export function seccompViolation(
  pod: boolean,
  containers: readonly string[],
  values: readonly string[],
): Violation | undefined {
  const who = setters(pod, containers);
  if (who === '') return undefined;
  const detail = `${who} must not set securityContext.seccompProfile.type to ${quoted(sorted(values))}`;
  return { reason: 'seccompProfile', detail };
}

function added({ securityContext }: AnyContainer): string[] {
  return securityContext?.capabilities?.add ?? [];
}

const appArmorAnnotation = 'container.apparmor.security.beta.kubernetes.io/';

function checkAppArmor({ metadata, spec }: Parameters<Check['run']>[0]): Violation | undefined {
  const isBad = (type: string | undefined): boolean => type !== undefined && !allowedProfiles.includes(type);
  const podType = spec.securityContext?.appArmorProfile?.type;
  const typeOf = ({ securityContext }: AnyContainer): string | undefined => securityContext?.appArmorProfile?.type;
  const bad = namesOf(spec, (container) => isBad(typeOf(container)));
  const values = [podType, ...containersOf(spec).map(typeOf)].filter((type) => type !== undefined).filter(isBad);
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key, value]) => {
    if (!key.startsWith(appArmorAnnotation)) return false;
    return value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/');
  });
  const fields = setters(isBad(podType), bad);
  if (fields === '' && annotations.length === 0) return undefined;
  const keys = annotations.map(([key, value]) => `${key}=${JSON.stringify(value)}`).sort();
  const all = sorted([...values, ...annotations.map(([, value]) => value)]);
  const reason = plural('forbidden AppArmor profile', all.length);
  if (fields === '') return { reason, detail: keys.join(', ') };
  const who = [fields, ...(keys.length > 0 ? [`${plural('annotation', keys.length)} ${keys.join(', ')}`] : [])];
  return { reason, detail: `${who.join(' and ')} must not set AppArmor profile type to ${quoted(all)}` };
}

function checkSeLinux(spec: Parameters<Check['run']>[0]['spec'], minor: number): Violation | undefined {
  const types = [
    '',
    'container_t',
    'container_init_t',
    'container_kvm_t',
    ...(minor >= 31 ? ['container_engine_t'] : []),
  ];
  const isBad = (options: SELinuxOptions | undefined): boolean =>
    options !== undefined &&
    (!types.includes(options.type ?? '') || (options.user ?? '') !== '' || (options.role ?? '') !== '');
  const podOptions = spec.securityContext?.seLinuxOptions;
  const optionsOf = ({ securityContext }: AnyContainer): SELinuxOptions | undefined => securityContext?.seLinuxOptions;
  const who = setters(
    isBad(podOptions),
    namesOf(spec, (container) => isBad(optionsOf(container))),
  );
  if (who === '') return undefined;
  const all = [podOptions, ...containersOf(spec).map(optionsOf)].filter((options) => options !== undefined);
  const badTypes = sorted(all.map(({ type }) => type ?? '').filter((type) => !types.includes(type)));
  const problems = [
    ...(badTypes.length > 0 ? [counted('type', badTypes)] : []),
    ...(all.some(({ user = '' }) => user !== '') ? ['user may not be set'] : []),
    ...(all.some(({ role = '' }) => role !== '') ? ['role may not be set'] : []),
  ];
  const detail = `${who} set forbidden securityContext.seLinuxOptions: ${problems.join('; ')}`;
  return { reason: 'seLinuxOptions', detail };
}

function handlerHosts({ livenessProbe, readinessProbe, startupProbe, lifecycle }: AnyContainer): string[] {
  const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
  return handlers.flatMap(hostsOf);
}

function hostsOf(handler: Pick<Probe & LifecycleHandler, 'httpGet' | 'tcpSocket'> | undefined): string[] {
  return [handler?.httpGet?.host ?? '', handler?.tcpSocket?.host ?? ''].filter((host) => host !== '');
}
