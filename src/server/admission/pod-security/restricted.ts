import type { Volume } from '../../../api/core/v1/types.generated.ts';
import { seccompViolation } from './baseline.ts';
import {
  type AnyContainer,
  type Check,
  containersOf,
  counted,
  isInUserNamespace,
  isWindows,
  namesOf,
  plural,
  quoted,
  setters,
  sorted,
} from './check.ts';

/** From here on, pods for Windows need not say what Windows has not. */
const windowsSince = 25;
const userNamespacesSince = 34;
const allowedVolumes = new Set(
  'configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret'.split(' '),
);
const allowedProfiles: readonly (string | undefined)[] = ['RuntimeDefault', 'Localhost'];

/** What a hardened pod must say besides the baseline, in the order in which violations are told. */
export const restrictedChecks: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    since: 8,
    run({ spec }, minor) {
      if (minor >= windowsSince && isWindows(spec)) return undefined;
      const bad = namesOf(spec, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
      if (bad.length === 0) return undefined;
      const detail = `${counted('container', bad)} must set securityContext.allowPrivilegeEscalation=false`;
      return { reason: 'allowPrivilegeEscalation != false', detail };
    },
  },
  { id: 'capabilities_restricted', replaces: 'capabilities_baseline', since: 22, run: checkCapabilities },
  {
    id: 'restrictedVolumes',
    replaces: 'hostPathVolumes',
    run({ spec }) {
      const bad = (spec.volumes ?? []).filter((volume) => !allowedVolumes.has(volumeType(volume)));
      if (bad.length === 0) return undefined;
      const types = sorted(bad.map(volumeType));
      const use = bad.length === 1 ? 'uses' : 'use';
      const volumes = counted(
        'volume',
        bad.map(({ name }) => name),
      );
      const detail = `${volumes} ${use} ${plural('restricted volume type', types.length)} ${quoted(types)}`;
      return { reason: 'restricted volume types', detail };
    },
  },
  {
    id: 'runAsNonRoot',
    run({ spec }, minor) {
      if (minor >= userNamespacesSince && isInUserNamespace(spec)) return undefined;
      const reason = 'runAsNonRoot != true';
      const pod = spec.securityContext?.runAsNonRoot;
      const refusing = setters(
        pod === false,
        namesOf(spec, ({ securityContext }) => securityContext?.runAsNonRoot === false),
      );
      if (refusing !== '') return { reason, detail: `${refusing} must not set securityContext.runAsNonRoot=false` };
      if (pod === true) return undefined;
      const silent = namesOf(spec, ({ securityContext }) => securityContext?.runAsNonRoot === undefined);
      if (silent.length === 0) return undefined;
      return { reason, detail: `pod or ${counted('container', silent)} must set securityContext.runAsNonRoot=true` };
    },
  },
  {
    id: 'runAsUser',
    since: 23,
    run({ spec }, minor) {
      if (minor >= userNamespacesSince && isInUserNamespace(spec)) return undefined;
      const bad = namesOf(spec, ({ securityContext }) => securityContext?.runAsUser === 0);
      const who = setters(spec.securityContext?.runAsUser === 0, bad);
      return who === '' ? undefined : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
    },
  },
  { id: 'seccompProfile_restricted', replaces: 'seccompProfile_baseline', since: 19, run: checkSeccomp },
];

function checkCapabilities({ spec }: Parameters<Check['run']>[0], minor: number) {
  if (minor >= windowsSince && isWindows(spec)) return undefined;
  const forbiddenOf = ({ securityContext }: AnyContainer): string[] =>
    (securityContext?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
  const keeping = namesOf(spec, ({ securityContext }) => {
    return !(securityContext?.capabilities?.drop ?? []).includes('ALL');
  });
  const adding = namesOf(spec, (container) => forbiddenOf(container).length > 0);
  const details = [
    ...(keeping.length > 0
      ? [`${counted('container', keeping)} must set securityContext.capabilities.drop=["ALL"]`]
      : []),
    ...(adding.length > 0
      ? [
          `${counted('container', adding)} must not include ${quoted(sorted(containersOf(spec).flatMap(forbiddenOf)))} in securityContext.capabilities.add`,
        ]
      : []),
  ];
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') };
}

function checkSeccomp({ spec }: Parameters<Check['run']>[0], minor: number) {
  if (minor >= windowsSince && isWindows(spec)) return undefined;
  const podType = spec.securityContext?.seccompProfile?.type;
  const typeOf = ({ securityContext }: AnyContainer): string | undefined => securityContext?.seccompProfile?.type;
  const isBad = (type: string | undefined): boolean => type !== undefined && !allowedProfiles.includes(type);
  const values = [podType, ...containersOf(spec).map(typeOf)].filter((type) => type !== undefined).filter(isBad);
  const bad = namesOf(spec, (container) => isBad(typeOf(container)));
  const explicit = seccompViolation(isBad(podType), bad, values);
  if (explicit !== undefined || podType !== undefined) return explicit;
  const silent = namesOf(spec, (container) => typeOf(container) === undefined);
  if (silent.length === 0) return undefined;
  const detail = `pod or ${counted('container', silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`;
  return { reason: 'seccompProfile', detail };
}

function volumeType(volume: Volume): string {
  return Object.keys(volume).find((field) => field !== 'name') ?? 'unknown';
}
