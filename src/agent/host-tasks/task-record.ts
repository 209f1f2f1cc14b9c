import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostTask, HostTaskStatus, StepStatus } from '../../api/fleet/v1/host-task.ts';
import { isFinished } from '../../api/fleet/v1/host-task.ts';
import type { Logger } from '../../machinery/logger.ts';

/** What the agent knows of one task; on disk before anything is done for it, so that nothing is done twice. */
export interface TaskRecord {
  /** As it was when it began: later changes to the steps do not count. */
  readonly task: HostTask;
  /** Steps begun so far, in order; the last may be running. */
  readonly steps: StepStatus[];
  phase: HostTaskStatus['phase'];
  message?: string;
  startTime: string;
  completionTime?: string;
  /** Of the machine, when the running step began. */
  bootId: string;
  /** The server has been told all of this. */
  reported?: boolean;
}

/** One directory a task, named by its uid: `task.json`, and for each step its output and outcome. */
export class TaskRecords {
  readonly #directory: string;
  readonly #logger: Logger;

  constructor(directory: string, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger;
  }

  directoryOf(uid: string): string {
    return join(this.#directory, uid);
  }

  outputFile(uid: string, step: number): string {
    return join(this.#directory, uid, `step-${step}.log`);
  }

  outcomeFile(uid: string, step: number): string {
    return join(this.#directory, uid, `step-${step}.outcome`);
  }

  async save(record: TaskRecord): Promise<void> {
    const directory = this.directoryOf(record.task.metadata.uid ?? '');
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, 'task.json');
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(record));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  }

  async load(): Promise<TaskRecord[]> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const found: TaskRecord[] = [];
    for (const uid of await readdir(this.#directory)) {
      try {
        const read = JSON.parse(await readFile(join(this.#directory, uid, 'task.json'), 'utf8')) as TaskRecord;
        if (read.task.metadata.uid === uid) found.push(read);
      } catch (error) {
        this.#logger.warn({ taskUid: uid, err: error }, 'Could not read the record of a host task');
      }
    }
    return found;
  }

  async remove(uid: string): Promise<void> {
    await rm(this.directoryOf(uid), { recursive: true, force: true });
  }
}

export function statusOf(record: TaskRecord): HostTaskStatus {
  const { phase, message, startTime, completionTime, steps } = record;
  const ended = isFinished(phase) ? steps.findLast(({ exitCode }) => exitCode !== undefined) : undefined;
  return {
    ...(phase === undefined ? {} : { phase }),
    ...(message === undefined ? {} : { message }),
    startTime,
    ...(completionTime === undefined ? {} : { completionTime }),
    ...(ended?.exitCode === undefined ? {} : { exitCode: ended.exitCode }),
    steps,
  };
}
