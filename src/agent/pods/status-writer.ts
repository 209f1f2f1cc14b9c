import type { Pod, PodCondition, PodStatus } from '../../api/core/v1/types.generated.ts';
import { pods } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';
import { equal } from '../../machinery/json.ts';
import type { Logger } from '../../machinery/logger.ts';
import { OutageLog } from '../../machinery/outage-log.ts';
import { isConflict, isInvalid, isNotFound } from '../../machinery/status-error.ts';
import { pause } from '../pause.ts';
import { isServerAway, questionTimeoutMs } from '../server-away.ts';

const retryMsMin = 200;
const retryMsMax = 10_000;

interface Slot {
  pod: Pod;
  wanted: PodStatus;
  /** What the API has, as far as is known, and the version of the pod that said so. */
  held: PodStatus | undefined;
  heldVersion: string | undefined;
  /** What was sent last, and what the API made of it: the same need not be sent again while that stands. */
  sent: PodStatus | undefined;
  answered: PodStatus | undefined;
  writing: Promise<void> | undefined;
  /** The object is gone, or is another pod of the same name: nothing more is written. */
  gone: boolean;
}

/**
 * Writes pod statuses: one write in flight a pod, the newest wins, failures are retried, and what the API has already is
 * not written. Each submission compares with the pod as the informer has it, so what others wrote over is put right.
 */
export class StatusWriter {
  readonly #client: Client;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;
  readonly #outage: OutageLog;
  readonly #slots = new Map<string, Slot>();

  constructor(options: { client: Client; logger: Logger; signal: AbortSignal }) {
    this.#client = options.client;
    this.#logger = options.logger;
    this.#signal = options.signal;
    this.#outage = new OutageLog(options.logger, {
      failed: 'Could not write pod statuses',
      recovered: 'Pod statuses are written again',
    });
  }

  /** What was submitted last, or what the API had when the pod was first seen. */
  latest(pod: Pod): PodStatus | undefined {
    return this.#slots.get(pod.metadata.uid ?? '')?.wanted ?? pod.status;
  }

  submit(pod: Pod, status: PodStatus): void {
    const uid = pod.metadata.uid ?? '';
    let slot = this.#slots.get(uid);
    if (slot === undefined) {
      slot = { ...emptySlot, pod, wanted: status };
      this.#slots.set(uid, slot);
    }
    slot.pod = pod;
    slot.wanted = status;
    takeVersion(slot, pod);
    this.#kick(slot);
  }

  /** Resolves when the API has the latest status or the pod is gone. */
  async flush(podUid: string): Promise<void> {
    const slot = this.#slots.get(podUid);
    while (slot?.writing !== undefined && !this.#signal.aborted) await slot.writing;
  }

  forget(podUid: string): void {
    const slot = this.#slots.get(podUid);
    if (slot !== undefined) slot.gone = true;
    this.#slots.delete(podUid);
  }

  #kick(slot: Slot): void {
    if (slot.writing !== undefined || slot.gone) return;
    slot.writing = this.#drain(slot).finally(() => {
      slot.writing = undefined;
    });
  }

  async #drain(slot: Slot): Promise<void> {
    let delay = retryMsMin;
    while (!slot.gone && !this.#signal.aborted && !isWritten(slot)) {
      const status = slot.wanted;
      try {
        await this.#write(slot, status);
        this.#outage.succeeded();
        delay = retryMsMin;
      } catch (error) {
        if (isNotFound(error) || isConflict(error)) {
          slot.gone = true;
          return;
        }
        if (this.#signal.aborted) return;
        const { namespace, name } = slot.pod.metadata;
        if (isServerAway(error)) this.#outage.failed(error, { pod: `${namespace}/${name}` });
        else this.#logger.warn({ pod: `${namespace}/${name}`, err: error }, 'Could not write the status of a pod');
        if (isInvalid(error)) {
          // The same again would be refused again, and must not hold up the end of the pod.
          slot.sent = status;
          slot.answered = slot.held;
          continue;
        }
        await pause(delay, this.#signal);
        delay = Math.min(retryMsMax, delay * 2);
      }
    }
  }

  async #write(slot: Slot, status: PodStatus): Promise<void> {
    const { namespace, name, uid } = slot.pod.metadata;
    const answer = await this.#client.resource(pods).patch(
      { namespace, name: name ?? '' },
      // The uid makes a patch meant for a pod that was replaced fail with a conflict.
      { type: 'strategic', body: { metadata: { uid }, status: statusPatch(slot.held, status) } },
      { subresource: 'status', signal: AbortSignal.any([this.#signal, AbortSignal.timeout(questionTimeoutMs)]) },
    );
    slot.sent = status;
    takeVersion(slot, answer);
    slot.answered = slot.held;
  }
}

const emptySlot = {
  held: undefined,
  heldVersion: undefined,
  sent: undefined,
  answered: undefined,
  writing: undefined,
  gone: false,
};

/** An informer may lag behind the answer to our own write: the newest version of the pod counts. */
function takeVersion(slot: Slot, pod: Pod): void {
  const version = pod.metadata.resourceVersion;
  if (slot.heldVersion !== undefined && (version === undefined || !isNewer(version, slot.heldVersion))) return;
  slot.held = pod.status;
  slot.heldVersion = version;
}

/** Resource versions are decimal numbers that grow with every write; upstream says so since 1.35. */
function isNewer(version: string, than: string): boolean {
  return version.length === than.length ? version > than : version.length > than.length;
}

function isWritten({ held, wanted, sent, answered }: Slot): boolean {
  if (held === undefined) return false;
  if (says(held, wanted)) return true;
  // The API worded something in another way than we: not for us to insist on.
  return sent !== undefined && answered !== undefined && equal(sent, wanted) && says(held, answered);
}

/** Whether `held` says all that `wanted` does; conditions of others are none of it. */
function says(held: PodStatus, wanted: PodStatus): boolean {
  if (held === wanted) return true;
  const own = (status: PodStatus): unknown => ({ ...status, conditions: undefined });
  if (!equal(own(held), own(wanted))) return false;
  return (wanted.conditions ?? []).every((condition) =>
    equal(
      held.conditions?.find((one) => one.type === condition.type),
      condition,
    ),
  );
}

/** A strategic merge patch from `before` to `after`: conditions of others stay, and what vanished is nulled. */
export function statusPatch(before: PodStatus | undefined, after: PodStatus): Record<string, unknown> {
  const patch: Record<string, unknown> = { ...after };
  for (const key of ['reason', 'message', 'podIP', 'podIPs'] as const) {
    if (before?.[key] !== undefined && after[key] === undefined) patch[key] = null;
  }
  patch['conditions'] = (after.conditions ?? []).map((condition) => conditionPatch(condition, before?.conditions));
  // Merged by address otherwise, which would keep the address of a sandbox that is gone.
  for (const key of ['podIPs', 'hostIPs'] as const) {
    const listed = after[key];
    if (listed !== undefined && before?.[key] !== undefined && !equal(before[key], listed)) {
      patch[key] = [...listed, { $patch: 'replace' }];
    }
  }
  return patch;
}

function conditionPatch(condition: PodCondition, before: readonly PodCondition[] | undefined): Record<string, unknown> {
  const old = before?.find((one) => one.type === condition.type);
  const patch: Record<string, unknown> = { ...condition };
  for (const key of ['reason', 'message'] as const) {
    if (old?.[key] !== undefined && condition[key] === undefined) patch[key] = null;
  }
  return patch;
}
