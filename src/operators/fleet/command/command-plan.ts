import type { FleetCommand, FleetCommandSpec, FleetCommandStatus, HostResult } from '../../../api/fleet/v1/command.ts';
import { type HostTask, isFinished } from '../../../api/fleet/v1/host-task.ts';
import { rfc3339 } from '../../../machinery/time.ts';

export interface CommandPlan {
  readonly status: FleetCommandStatus;
  /** Hosts on which to begin, with the names of their tasks. */
  readonly begin: readonly HostResult[];
  /** Names of tasks to cancel. */
  readonly cancel: readonly string[];
}

/** What to do next about a command whose hosts are selected; `taskOf` knows its tasks by name. */
export function planCommand(
  command: FleetCommand,
  taskOf: (name: string) => HostTask | undefined,
  now: number,
): CommandPlan {
  const { spec, status = {}, metadata } = command;
  const results = (status.results ?? []).map((result) =>
    observed(retried(result, spec.retry ?? 0), metadata.name, taskOf),
  );
  const failed = results.filter(({ phase }) => hasFailed(phase)).length;
  const stopped = spec.failurePolicy === 'Stop' && failed > (spec.maxFailures ?? 0);
  const begin: HostResult[] = [];
  const cancel: string[] = [];
  let free = placesOf(spec, results.length) - results.filter(isUnderWay).length;
  const next = results.map((result): HostResult => {
    if (isUnderWay(result)) {
      if (spec.cancel === true) cancel.push(result.task ?? '');
      return result;
    }
    if (result.phase !== 'Pending') return result;
    if (spec.cancel === true) return { ...result, phase: 'Cancelled', message: 'The command was cancelled' };
    if (stopped) return { ...result, phase: 'Cancelled', message: `Not begun: it failed on ${failed} hosts` };
    if (free <= 0) return result;
    free--;
    const begun = { ...result, task: taskName(metadata.name, result) };
    begin.push(begun);
    return begun;
  });
  return { status: summary(next, status, now), begin, cancel };
}

function taskName(command: string, { host, attempt }: HostResult): string {
  return attempt === 1 ? `${command}.${host}` : `${command}.${host}.r${attempt}`;
}

/** Once more where it failed in an earlier attempt. */
function retried(result: HostResult, retry: number): HostResult {
  if (result.attempt > retry || !hasFailed(result.phase)) return result;
  return { host: result.host, phase: 'Pending', attempt: retry + 1 };
}

function observed(result: HostResult, command: string, taskOf: (name: string) => HostTask | undefined): HostResult {
  if (isFinished(result.phase)) return result;
  const name = taskName(command, result);
  const task = taskOf(name);
  if (task === undefined) {
    // Not seen yet, or, where it had been seen to run, deleted by someone.
    if (result.phase !== 'Running') return result;
    return { ...result, phase: 'Unknown', message: 'Its task was deleted while it ran' };
  }
  const { phase = 'Pending', exitCode, message } = task.status ?? {};
  return {
    host: result.host,
    attempt: result.attempt,
    task: name,
    phase,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(message === undefined ? {} : { message }),
  };
}

function isUnderWay({ phase, task }: HostResult): boolean {
  return task !== undefined && !isFinished(phase);
}

function hasFailed(phase: HostResult['phase']): boolean {
  return phase === 'Failed' || phase === 'Unknown' || phase === 'Cancelled';
}

/** Hosts at a time; a share is rounded up. */
export function placesOf({ parallelism }: Pick<FleetCommandSpec, 'parallelism'>, total: number): number {
  if (parallelism === undefined) return total;
  const share = /^([0-9]+)%$/.exec(String(parallelism));
  const places = share === null ? Number(parallelism) : Math.ceil((total * Number(share[1])) / 100);
  return Math.max(1, Number.isNaN(places) ? 1 : places);
}

function summary(results: readonly HostResult[], before: FleetCommandStatus, now: number): FleetCommandStatus {
  const countOf = (test: (result: HostResult) => boolean): number => results.filter(test).length;
  const succeeded = countOf(({ phase }) => phase === 'Succeeded');
  const cancelled = countOf(({ phase }) => phase === 'Cancelled');
  const failed = countOf(({ phase }) => phase === 'Failed' || phase === 'Unknown');
  const total = results.length;
  const ended = succeeded + cancelled + failed === total;
  const phase = !ended ? 'Running' : failed > 0 ? 'Failed' : cancelled > 0 ? 'Cancelled' : 'Succeeded';
  return {
    phase,
    message: `Succeeded on ${succeeded} of ${total} hosts`,
    total,
    running: countOf(isUnderWay),
    succeeded,
    failed,
    results,
    ...(ended ? { completionTime: before.completionTime ?? rfc3339(now) } : {}),
  };
}
