import { createHash } from 'node:crypto';
import type { HostInit, HostInitStatus, InitRecord, InitScript } from '../../../api/fleet/v1/host-init.ts';
import { type HostTask, type HostTaskStep, isFinished } from '../../../api/fleet/v1/host-task.ts';

export interface HostInitPlan {
  readonly status: HostInitStatus;
  readonly begin: readonly { readonly record: InitRecord; readonly steps: readonly HostTaskStep[] }[];
}

/** What to do next for the hosts that are selected now; `taskOf` knows the tasks by name. */
export function planHostInit(
  init: HostInit,
  selected: readonly string[],
  taskOf: (name: string) => HostTask | undefined,
): HostInitPlan {
  const scripts = [...init.spec.scripts].sort((a, b) => (a.name < b.name ? -1 : 1));
  const digest = digestOf(scripts);
  const records = new Map((init.status?.hosts ?? []).map((record) => [record.host, observed(record, taskOf)]));
  const begin: HostInitPlan['begin'][number][] = [];
  for (const host of selected) {
    const before = records.get(host);
    const from = nextFrom(before, digest, init.spec.retry ?? 0);
    if (from === undefined) continue;
    const attempt = before?.digest === digest ? (init.spec.retry ?? 0) + 1 : 1;
    const suffix = attempt === 1 ? '' : `.r${attempt}`;
    const task = `${init.metadata.name}.${host}.${digest.slice(0, 8)}${suffix}`;
    const record: InitRecord = { host, digest, phase: 'Pending', attempt, task, from, done: from };
    records.set(host, record);
    begin.push({ record, steps: scripts.slice(from).map(stepOf) });
  }
  const hosts = [...records.values()].sort((a, b) => (a.host < b.host ? -1 : 1));
  const succeeded = hosts.filter(({ phase }) => phase === 'Succeeded').length;
  const failed = hosts.filter(({ phase }) => isFinished(phase)).length - succeeded;
  return { begin, status: { total: hosts.length, succeeded, failed, hosts } };
}

/** With which script to begin; undefined for nothing to do. */
function nextFrom(before: InitRecord | undefined, digest: string, retry: number): number | undefined {
  if (before === undefined) return 0;
  if (!isFinished(before.phase)) return undefined;
  if (before.digest !== digest) return 0;
  return before.phase !== 'Succeeded' && before.attempt <= retry ? before.done : undefined;
}

function observed(record: InitRecord, taskOf: (name: string) => HostTask | undefined): InitRecord {
  const status = taskOf(record.task)?.status;
  if (isFinished(record.phase) || status === undefined) return record;
  const done = (status.steps ?? []).filter(({ phase }) => phase === 'Succeeded' || phase === 'Skipped').length;
  const { phase = 'Pending', message } = status;
  return { ...record, phase, done: record.from + done, ...(message === undefined ? {} : { message }) };
}

function stepOf({ name, timeoutSeconds, ...script }: InitScript): HostTaskStep {
  return { name, script, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) };
}

function digestOf(scripts: readonly InitScript[]): string {
  return createHash('sha256').update(JSON.stringify(scripts)).digest('hex');
}
