import { readFile } from 'node:fs/promises';
import type { ServerHttp2Stream } from 'node:http2';
import { join } from 'node:path';
import { type HostTask, hostTasks, isFinished } from '../../api/fleet/v1/host-task.ts';
import type { Client, Informer, InformerFactory } from '../../client/contract.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import type { Logger } from '../../machinery/logger.ts';
import { isConflict, isNotFound } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { pause } from '../pause.ts';
import { serveTaskLog } from './task-log.ts';
import { statusOf, type TaskRecord, TaskRecords } from './task-record.ts';
import { TaskRun, type TaskRunOptions } from './task-run.ts';

/** Tasks that change nothing run so many at a time, beside the one that does. */
const readersMax = 8;
const reportRetryMs = 2_000;

export interface HostTasksOptions {
  readonly client: Client;
  readonly hostName: string;
  /** The agent's; tasks and packages lie below. */
  readonly dataDirectory: string;
  /** In memory; default /run/roadstead/host-tasks. */
  readonly runDirectory?: string;
  readonly logger: Logger;
  readonly now?: () => number;
  readonly signal: AbortSignal;
}

/**
 * Does the HostTasks of this host: takes up what an earlier agent left, then one task after the other. Processes go on
 * when the agent ends. It lives until `signal` aborts.
 */
export class HostTasks {
  readonly #options: HostTasksOptions;
  /** Not the agent's: a server without this kind must not keep pods waiting. */
  readonly #informers: InformerFactory;
  readonly #informer: Informer<HostTask>;
  readonly #records: TaskRecords;
  readonly #runs = new Map<string, { readonly run: TaskRun; readonly ended: Promise<void> }>();
  /** By uid: everything this agent has on disk. */
  readonly #known = new Map<string, TaskRecord>();
  readonly #reporting = new Set<string>();
  #runOptions: TaskRunOptions | undefined;

  constructor(options: HostTasksOptions) {
    this.#options = options;
    this.#records = new TaskRecords(join(options.dataDirectory, 'host-tasks'), options.logger);
    this.#informers = createInformerFactory(options.client, { logger: options.logger });
    this.#informer = this.#informers.informer(hostTasks, { fieldSelector: `spec.host=${options.hostName}` });
  }

  /** Resolves once what was left by an earlier agent is under way again. */
  async start(): Promise<void> {
    const { client, dataDirectory, runDirectory = '/run/roadstead/host-tasks', logger, now = Date.now } = this.#options;
    this.#runOptions = {
      client,
      records: this.#records,
      bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
      runDirectory,
      packagesDirectory: join(dataDirectory, 'packages'),
      changed: (record) => void this.#report(record),
      logger,
      now,
    };
    for (const record of await this.#records.load()) {
      this.#known.set(record.task.metadata.uid ?? '', record);
      if (!isFinished(record.phase)) this.#run(record);
      else if (record.reported !== true) void this.#report(record);
    }
    this.#informer.addHandler({
      added: (task) => this.#seen(task),
      updated: (_old, task) => this.#seen(task),
      deleted: (task) => this.#gone(task.metadata.uid ?? ''),
    });
    this.#informers.start(this.#options.signal);
    void this.#forgetDeleted();
  }

  /** `/host-tasks/<uid>/log`, with `follow` and `step`. */
  serveLog(stream: ServerHttp2Stream, uid: string, query: URLSearchParams, signal: AbortSignal): Promise<void> {
    return serveTaskLog(stream, query, signal, {
      record: () => this.#known.get(uid),
      masked: () => this.#runs.get(uid)?.run.masked ?? [],
      outputFile: (step) => this.#records.outputFile(uid, step),
      uid,
    });
  }

  #seen(task: HostTask): void {
    const uid = task.metadata.uid ?? '';
    if (task.metadata.deletionTimestamp !== undefined || task.spec.cancel === true) this.#runs.get(uid)?.run.cancel();
    this.#next();
  }

  #gone(uid: string): void {
    const running = this.#runs.get(uid);
    running?.run.cancel();
    const remove = (running?.ended ?? Promise.resolve()).then(async () => {
      this.#known.delete(uid);
      await this.#records.remove(uid);
    });
    remove.catch((err: unknown) => this.#options.logger.warn({ err, taskUid: uid }, 'Could not remove a host task'));
    this.#next();
  }

  /** What was deleted while this agent was away. */
  async #forgetDeleted(): Promise<void> {
    const { signal } = this.#options;
    while (!this.#informer.synced && !signal.aborted) await pause(100, signal);
    if (signal.aborted) return;
    const there = new Set(this.#informer.list().map(({ metadata }) => metadata.uid));
    for (const uid of this.#known.keys()) if (!there.has(uid)) this.#gone(uid);
    this.#next();
  }

  /** Begins what may begin now: readers beside, those that change the host one after the other, oldest first. */
  #next(): void {
    const { signal, now = Date.now } = this.#options;
    if (signal.aborted || !this.#informer.synced) return;
    const waiting = this.#informer.list().filter((task) => this.#isNew(task));
    waiting.sort((a, b) => orderOf(a).localeCompare(orderOf(b)));
    for (const task of waiting) {
      if (!this.#mayBegin(task)) continue;
      const record: TaskRecord = { task, steps: [], phase: 'Running', startTime: rfc3339(now()), bootId: '' };
      if (task.spec.cancel === true) Object.assign(record, { phase: 'Cancelled', completionTime: rfc3339(now()) });
      this.#known.set(task.metadata.uid ?? '', record);
      this.#run(record);
    }
  }

  #isNew({ metadata, status }: HostTask): boolean {
    return (
      metadata.deletionTimestamp === undefined && !isFinished(status?.phase) && !this.#known.has(metadata.uid ?? '')
    );
  }

  #mayBegin({ spec }: HostTask): boolean {
    const running = [...this.#runs.values()].map(({ run }) => run.record.task.spec.readOnly === true);
    const readers = running.filter((readOnly) => readOnly).length;
    return spec.cancel === true || (spec.readOnly === true ? readers < readersMax : readers === running.length);
  }

  #run(record: TaskRecord): void {
    const { logger, signal } = this.#options;
    if (this.#runOptions === undefined) return;
    const uid = record.task.metadata.uid ?? '';
    const run = new TaskRun(record, this.#runOptions);
    if (record.task.spec.cancel === true) run.cancel();
    const ended = run
      .run(signal)
      .catch((err: unknown) => {
        if (!signal.aborted) logger.error({ err, taskUid: uid }, 'Host task could not be carried on');
      })
      .finally(() => {
        this.#runs.delete(uid);
        this.#next();
      });
    this.#runs.set(uid, { run, ended });
  }

  /** Tells the server until it knows the newest; one at a time for each task. */
  async #report(record: TaskRecord): Promise<void> {
    const { client, logger, signal } = this.#options;
    const { uid = '', namespace, name } = record.task.metadata;
    if (this.#reporting.has(uid)) return;
    this.#reporting.add(uid);
    try {
      while (!signal.aborted && record.reported !== true) {
        record.reported = true;
        try {
          const body = { metadata: { uid }, status: statusOf(record) };
          const ref = { ...(namespace === undefined ? {} : { namespace }), name };
          await client.resource(hostTasks).patch(ref, { type: 'merge', body }, { subresource: 'status', signal });
          if (record.reported && isFinished(record.phase)) await this.#records.save(record);
        } catch (err) {
          // Deleted meanwhile, or another has its name now: nobody is left to tell.
          if (isNotFound(err) || isConflict(err)) return;
          record.reported = false;
          logger.debug({ err, taskUid: uid }, 'Could not report a host task');
          await pause(reportRetryMs, signal);
        }
      }
    } finally {
      this.#reporting.delete(uid);
    }
  }
}

function orderOf({ metadata }: HostTask): string {
  return `${metadata.creationTimestamp ?? ''}/${metadata.namespace ?? ''}/${metadata.name}`;
}
