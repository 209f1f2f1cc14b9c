import type { Pod, PodCondition, PodStatus } from '../../api/core/v1/types.generated.ts';
import { pods } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';
import { equal } from '../../machinery/json.ts';
import type { Logger } from '../../machinery/logger.ts';
import { isConflict, isInvalid, isNotFound } from '../../machinery/status-error.ts';
import { pause } from '../pause.ts';

const retryMsMin = 200;
const retryMsMax = 10_000;

interface Slot {
  pod: Pod;
  wanted: PodStatus;
  written: PodStatus | undefined;
  writing: Promise<void> | undefined;
  /** The object is gone, or is another pod of the same name: nothing more is written. */
  gone: boolean;
}

/** Writes pod statuses: one write in flight a pod, the newest wins, equal ones are skipped, failures are retried. */
export class StatusWriter {
  readonly #client: Client;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;
  readonly #slots = new Map<string, Slot>();

  constructor(options: { client: Client; logger: Logger; signal: AbortSignal }) {
    this.#client = options.client;
    this.#logger = options.logger;
    this.#signal = options.signal;
  }

  /** What was submitted last, or what the API had when the pod was first seen. */
  latest(pod: Pod): PodStatus | undefined {
    return this.#slots.get(pod.metadata.uid ?? '')?.wanted ?? pod.status;
  }

  submit(pod: Pod, status: PodStatus): void {
    const uid = pod.metadata.uid ?? '';
    let slot = this.#slots.get(uid);
    if (slot === undefined) {
      slot = { pod, wanted: status, written: pod.status, writing: undefined, gone: false };
      this.#slots.set(uid, slot);
    }
    slot.pod = pod;
    slot.wanted = status;
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
        slot.written = status;
        delay = retryMsMin;
      } catch (error) {
        if (isNotFound(error) || isConflict(error)) {
          slot.gone = true;
          return;
        }
        this.#logger.warn({ pod: slot.pod.metadata.name, err: error }, 'Could not write the status of a pod');
        if (isInvalid(error)) {
          // The same again would be refused again, and must not hold up the end of the pod.
          slot.written = status;
          continue;
        }
        await pause(delay, this.#signal);
        delay = Math.min(retryMsMax, delay * 2);
      }
    }
  }

  async #write(slot: Slot, status: PodStatus): Promise<void> {
    const { namespace, name, uid } = slot.pod.metadata;
    await this.#client.resource(pods).patch(
      { namespace, name: name ?? '' },
      // The uid makes a patch meant for a pod that was replaced fail with a conflict.
      { type: 'strategic', body: { metadata: { uid }, status: statusPatch(slot.written, status) } },
      { subresource: 'status', signal: this.#signal },
    );
  }
}

function isWritten({ written, wanted }: Slot): boolean {
  if (written === undefined) return false;
  const own = (status: PodStatus): unknown => ({ ...status, conditions: undefined });
  if (!equal(own(written), own(wanted))) return false;
  return (wanted.conditions ?? []).every((condition) =>
    equal(
      written.conditions?.find((one) => one.type === condition.type),
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
