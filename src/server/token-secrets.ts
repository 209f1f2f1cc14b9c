import type { Secret } from '../api/core/v1/types.generated.ts';
import { as } from '../api/resource.ts';
import type { Logger } from '../machinery/logger.ts';
import type { UnknownObject } from '../machinery/meta.ts';
import { isConflict, isNotFound } from '../machinery/status-error.ts';
import type { LegacyTokens } from './authentication/legacy-token.ts';
import type { ObjectAccess } from './contract.ts';

const secrets = { group: '', resource: 'secrets' };
const serviceAccounts = { group: '', resource: 'serviceaccounts' };
const tokenType = 'kubernetes.io/service-account-token';
const nameAnnotation = 'kubernetes.io/service-account.name';
const uidAnnotation = 'kubernetes.io/service-account.uid';

export interface TokenSecretsOptions {
  readonly objects: ObjectAccess;
  readonly tokens: LegacyTokens;
  /** PEM */
  readonly caCertificate: string;
  readonly logger: Logger;
}

/**
 * Fills Secrets of the type `kubernetes.io/service-account-token` and removes them with their account. In this process
 * because the signing key never leaves it. Runs until the answer is called.
 */
export function startTokenSecrets(options: TokenSecretsOptions): () => void {
  const { objects, logger } = options;
  let last: Promise<void> = Promise.resolve();
  const enqueue = (work: () => Promise<void>): void => {
    last = last.then(work).catch((error: unknown) => {
      if (!isNotFound(error) && !isConflict(error)) logger.warn({ err: error }, 'Token secret was not worked on');
    });
  };
  const enqueueSecret = (object: UnknownObject): void => {
    const { namespace = '', name } = object.metadata;
    if (object['type'] === tokenType) enqueue(() => reconcile(options, namespace, name));
  };
  const stops = [
    objects.onChange(secrets, ({ type, object }) => {
      if (type === 'put') enqueueSecret(object);
    }),
    objects.onChange(serviceAccounts, ({ type, namespace }) => {
      if (type === 'delete') for (const secret of objects.list(secrets, namespace)) enqueueSecret(secret);
    }),
  ];
  for (const secret of objects.list(secrets)) enqueueSecret(secret);
  return () => {
    for (const stop of stops) stop();
  };
}

async function reconcile(options: TokenSecretsOptions, namespace: string, name: string): Promise<void> {
  const { objects } = options;
  const found = objects.get(secrets, namespace, name);
  if (found === undefined || found.metadata.deletionTimestamp !== undefined) return;
  const { annotations = {}, uid } = found.metadata;
  const accountName = annotations[nameAnnotation] ?? '';
  const account = await objects.getFresh(serviceAccounts, namespace, accountName);
  const wantedUid = annotations[uidAnnotation] ?? '';
  if (account === undefined || (wantedUid !== '' && wantedUid !== account.metadata.uid)) {
    await objects.delete(secrets, namespace, name, uid === undefined ? {} : { uid });
    return;
  }
  const serviceAccount = { name: accountName, uid: account.metadata.uid ?? '' };
  if (isFilled(options, as<Secret>(found), serviceAccount.uid)) return;
  await objects.modify(secrets, namespace, name, (object) => fill(options, as<Secret>(object), serviceAccount));
}

function isFilled({ caCertificate }: TokenSecretsOptions, { data, metadata }: Secret, uid: string): boolean {
  return (
    data?.['ca.crt'] === encode(caCertificate) &&
    data['namespace'] === encode(metadata.namespace ?? '') &&
    (data['token'] ?? '') !== '' &&
    metadata.annotations?.[uidAnnotation] === uid
  );
}

function fill(
  options: TokenSecretsOptions,
  secret: Secret,
  serviceAccount: { readonly name: string; readonly uid: string },
): boolean {
  const { namespace = '', name } = secret.metadata;
  if (isFilled(options, secret, serviceAccount.uid)) return false;
  const kept = secret.data?.['token'] ?? '';
  const token = kept === '' ? encode(options.tokens.sign({ namespace, secret: name, serviceAccount })) : kept;
  secret.data = { ...secret.data, 'ca.crt': encode(options.caCertificate), namespace: encode(namespace), token };
  secret.metadata.annotations = { ...secret.metadata.annotations, [uidAnnotation]: serviceAccount.uid };
  return true;
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}
