import type { Lease } from '../api/coordination/v1/types.generated.ts';
import { leases } from '../api/resource-types.ts';
import type { Logger } from '../machinery/logger.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../machinery/status-error.ts';
import type { Client } from './contract.ts';
import { sleep } from './delay.ts';

const leaseDurationMs = 15_000;
const renewDeadlineMs = 10_000;
const retryPeriodMs = 2_000;

export interface LeaderElectionOptions {
  readonly client: Client;
  readonly namespace: string;
  readonly name: string;
  /** Unlike that of any other candidate, ever: host name and a random part. */
  readonly identity: string;
  readonly logger: Logger;
  /** The work of the leader; `leading` aborts when the lead is lost or the election ends. */
  readonly lead: (leading: AbortSignal) => Promise<void>;
}

/** What was seen of another holder's Lease, timed by our own clock: clocks of hosts need not agree. */
interface Observation {
  record: string;
  seenAt: number;
}

/**
 * Waits for the Lease, leads, and gives it up when `signal` aborts. Resolves after that; rejects when the lead was
 * lost, since work of two leaders must not overlap: the caller ends the process or elects again.
 */
export async function runLeaderElection(options: LeaderElectionOptions, signal: AbortSignal): Promise<void> {
  const observation: Observation = { record: '', seenAt: 0 };
  while (!(await tryHold(options, observation))) {
    if (signal.aborted) return;
    await sleep(retryPeriodMs * (1 + Math.random() * 0.2), signal).catch(() => undefined);
    if (signal.aborted) return;
  }
  options.logger.info({ lease: `${options.namespace}/${options.name}` }, 'Became leader');
  const ending = new AbortController();
  const leading = AbortSignal.any([signal, ending.signal]);
  const work = options.lead(leading).finally(() => ending.abort());
  // Awaited below; a failure before that is not an unhandled one.
  work.catch(() => undefined);
  const lost = await keepHolding(options, observation, leading);
  ending.abort();
  await work;
  await release(options);
  if (lost) throw new Error(`The lease "${options.namespace}/${options.name}" was lost`);
}

/** Renews until aborted; true when it could not for the whole deadline. */
async function keepHolding(
  options: LeaderElectionOptions,
  observation: Observation,
  leading: AbortSignal,
): Promise<boolean> {
  let renewedAt = Date.now();
  while (!leading.aborted) {
    await sleep(retryPeriodMs, leading).catch(() => undefined);
    if (leading.aborted) return false;
    if (await tryHold(options, observation)) renewedAt = Date.now();
    else if (Date.now() - renewedAt > renewDeadlineMs) return true;
  }
  return false;
}

/** Takes or renews the Lease; false when someone else holds it or the server does not answer. */
async function tryHold(options: LeaderElectionOptions, observation: Observation): Promise<boolean> {
  const { client, namespace, name, identity } = options;
  try {
    const found = await client.resource(leases).get({ namespace, name }, AbortSignal.timeout(renewDeadlineMs / 2));
    const holder = found.spec.holderIdentity ?? '';
    const record = JSON.stringify(found.spec);
    if (record !== observation.record) {
      observation.record = record;
      observation.seenAt = Date.now();
    }
    const validMs = (found.spec.leaseDurationSeconds ?? leaseDurationMs / 1000) * 1000;
    if (holder !== '' && holder !== identity && Date.now() - observation.seenAt < validMs) return false;
    await client.resource(leases).update({ ...found, spec: specFor(found, identity) });
    return true;
  } catch (error) {
    if (isNotFound(error)) return createLease(options);
    if (!isConflict(error)) options.logger.warn({ err: error, lease: `${namespace}/${name}` }, 'Lease was not renewed');
    return false;
  }
}

async function createLease({ client, namespace, name, identity, logger }: LeaderElectionOptions): Promise<boolean> {
  const lease: Lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace, name },
    spec: specFor(undefined, identity),
  };
  try {
    await client.resource(leases).create(lease);
    return true;
  } catch (error) {
    if (!isAlreadyExists(error)) logger.warn({ err: error, lease: `${namespace}/${name}` }, 'Lease was not created');
    return false;
  }
}

function specFor(old: Lease | undefined, identity: string): Lease['spec'] {
  const now = microTime();
  const same = old?.spec.holderIdentity === identity;
  return {
    ...old?.spec,
    holderIdentity: identity,
    leaseDurationSeconds: leaseDurationMs / 1000,
    renewTime: now,
    acquireTime: same ? (old.spec.acquireTime ?? now) : now,
    leaseTransitions: old === undefined ? 0 : (old.spec.leaseTransitions ?? 0) + (same ? 0 : 1),
  };
}

/** Lets the next candidate in at once; when that fails the Lease runs out by itself. */
async function release({ client, namespace, name, identity, logger }: LeaderElectionOptions): Promise<void> {
  try {
    const found = await client.resource(leases).get({ namespace, name }, AbortSignal.timeout(retryPeriodMs));
    if (found.spec.holderIdentity !== identity) return;
    const now = microTime();
    const spec = { ...found.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    await client.resource(leases).update({ ...found, spec });
  } catch (err) {
    logger.debug({ err, lease: `${namespace}/${name}` }, 'Lease was not released');
  }
}

function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
