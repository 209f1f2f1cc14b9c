import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container, Pod, ServiceAccount, Volume } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { ObjectAccess } from '../contract.ts';
import type { AdmissionPlugin } from '../request.ts';
import { isPodCreate } from './chain.ts';
import { refuse } from './refusals.ts';

const serviceAccounts = { group: '', resource: 'serviceaccounts' };
export const tokenMountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const mirrorAnnotation = 'kubernetes.io/config.mirror';
/** The token's lifetime that upstream asks for: an hour, and seven seconds that mark it as asked by this plugin. */
const tokenLifetimeSeconds = 3607;
/** A namespace just made has its default account in a moment; upstream waits this long too. */
const lookups = 10;
const lookupIntervalMs = 100;
const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';

/** Gives every pod a service account, its token and its pull secrets. */
export function serviceAccountAdmission(objects: ObjectAccess): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    handles: isPodCreate,
    async admit(attributes) {
      const pod = as<Pod>(attributes.object ?? { apiVersion: '', kind: '', metadata: { name: '' } });
      const spec = pod.spec;
      if (spec === undefined) return;
      if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) {
        refuseMirrorPodWithAccount(pod, (why) => refuse(attributes, why));
        return;
      }
      if (spec.serviceAccountName === undefined || spec.serviceAccountName === '') spec.serviceAccountName = 'default';
      spec.serviceAccount = spec.serviceAccountName;
      const name = spec.serviceAccountName;
      const account = await findAccount(objects, attributes.namespace, name);
      if (account === undefined) {
        const why = `error looking up service account ${attributes.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`;
        throw refuse(attributes, why);
      }
      if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod);
      if ((spec.imagePullSecrets ?? []).length === 0 && (account.imagePullSecrets ?? []).length > 0) {
        spec.imagePullSecrets = structuredClone(account.imagePullSecrets ?? []);
      }
    },
  };
}

function refuseMirrorPodWithAccount(pod: Pod, refusal: (why: string) => Error): void {
  if ((pod.spec?.serviceAccountName ?? '') !== '') throw refusal('a mirror pod may not reference service accounts');
}

async function findAccount(
  objects: ObjectAccess,
  namespace: string,
  name: string,
): Promise<ServiceAccount | undefined> {
  const cached = objects.get(serviceAccounts, namespace, name);
  if (cached !== undefined) return as<ServiceAccount>(cached);
  const attempts = name === 'default' ? lookups : 1;
  for (let attempt = 1; ; attempt += 1) {
    const fresh = await objects.getFresh(serviceAccounts, namespace, name);
    if (fresh !== undefined) return as<ServiceAccount>(fresh);
    if (attempt >= attempts) return undefined;
    await sleep(lookupIntervalMs);
  }
}

/** One projected volume with token, CA and namespace, mounted where client libraries look. */
function mountToken(pod: Pod): void {
  const spec = pod.spec;
  if (spec === undefined) return;
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  const needing = containers.filter(
    ({ volumeMounts }) => !(volumeMounts ?? []).some(({ mountPath }) => mountPath === tokenMountPath),
  );
  if (needing.length === 0) return;
  const volumes = spec.volumes ?? [];
  let volume = volumes.find(({ name, projected }) => name.startsWith('kube-api-access-') && projected !== undefined);
  if (volume === undefined) {
    volume = tokenVolume();
    spec.volumes = [...volumes, volume];
  }
  for (const container of needing) addMount(container, volume.name);
}

function addMount(container: Container, name: string): void {
  container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: tokenMountPath }];
}

function tokenVolume(): Volume {
  let suffix = '';
  for (let i = 0; i < 5; i += 1) suffix += suffixLetters[randomInt(suffixLetters.length)];
  return {
    name: `kube-api-access-${suffix}`,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenLifetimeSeconds, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: 0o644,
    },
  };
}
