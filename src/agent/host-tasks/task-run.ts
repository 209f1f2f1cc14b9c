import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type HostTaskStep, referencesOfTask, type StepPhase, type StepStatus } from '../../api/fleet/v1/host-task.ts';
import type { Client } from '../../client/contract.ts';
import type { Logger } from '../../machinery/logger.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { pause } from '../pause.ts';
import { isServerAway } from '../server-away.ts';
import { Masker, maskAll, maskedTexts } from './masking.ts';
import { TaskReferences } from './references.ts';
import { StepError } from './step-error.ts';
import { outputHeadBytes, outputTailBytes, processState, startProcess, waitForProcess } from './step-process.ts';
import { doDirectory, doFile } from './steps/file.ts';
import { doUnit, doWait, exists, succeeds } from './steps/probe.ts';
import { type Preparation, preparePackageRun, prepareScript } from './steps/script.ts';
import type { TaskRecord, TaskRecords } from './task-record.ts';

const defaultTimeoutSeconds = 3600;
/** Of a step's output, so much is put into the status. */
const statusOutputBytes = 4 * 1024;
const referenceRetryMs = 2_000;

export interface TaskRunOptions {
  readonly client: Client;
  readonly records: TaskRecords;
  /** Of the machine, since it was last started. */
  readonly bootId: string;
  /** In memory: scripts, input and masked texts while a task runs. */
  readonly runDirectory: string;
  readonly packagesDirectory: string;
  /** Called after each change of the record. */
  readonly changed: (record: TaskRecord) => void;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Does the steps of one task in order, from where its record stands. */
export class TaskRun {
  readonly record: TaskRecord;
  readonly #options: TaskRunOptions;
  readonly #cancel = new AbortController();
  readonly #references: TaskReferences;
  #masked: readonly string[] = [];

  constructor(record: TaskRecord, options: TaskRunOptions) {
    this.record = record;
    this.#options = options;
    this.#references = new TaskReferences(options.client, record.task.metadata.namespace ?? '');
  }

  cancel(): void {
    this.#cancel.abort(new StepError('The task was cancelled'));
  }

  /** What must not be shown of the output, as `maskedTexts` gives it. */
  get masked(): readonly string[] {
    return this.#masked;
  }

  /** Resolves when the task has ended; rejects only when `signal` aborts, with everything left as it is. */
  async run(signal: AbortSignal): Promise<void> {
    const { record } = this;
    await this.#recallMasked();
    const { steps } = record.task.spec;
    const begun = record.steps.length;
    const last = record.steps[begun - 1];
    for (let index = last?.phase === 'Running' ? begun - 1 : begun; index < steps.length; index++) {
      const step = steps[index];
      if (step === undefined) break;
      if (this.#cancel.signal.aborted) return this.#finish('Cancelled', 'The task was cancelled');
      const ended = await this.#step(step, index, signal);
      if (ended.phase === 'Succeeded' || ended.phase === 'Skipped') continue;
      const why = ended.message ?? `exit code ${ended.exitCode ?? 'unknown'}`;
      const phase = ended.phase === 'Cancelled' || ended.phase === 'Unknown' ? ended.phase : 'Failed';
      return this.#finish(phase, `Step "${step.name}": ${why}`);
    }
    return this.#finish('Succeeded');
  }

  async #finish(phase: NonNullable<TaskRecord['phase']>, message?: string): Promise<void> {
    const { record } = this;
    record.phase = phase;
    if (message !== undefined) record.message = message;
    record.completionTime = rfc3339(this.#options.now());
    await this.#save();
    await rm(this.#runDirectory, { recursive: true, force: true });
  }

  async #step(step: HostTaskStep, index: number, signal: AbortSignal): Promise<StepStatus> {
    const resumed = this.record.steps[index];
    try {
      if (resumed !== undefined) {
        const outcome = await this.#resume(step, index, resumed, signal);
        if (outcome !== undefined) return outcome;
      }
      if (await this.#isNeedless(step)) return await this.#end(index, 'Skipped', { name: step.name });
      return await this.#begin(step, index, signal);
    } catch (error) {
      signal.throwIfAborted();
      const message = error instanceof Error ? error.message : String(error);
      const phase = this.#cancel.signal.aborted ? 'Cancelled' : isTimeout(error) ? 'TimedOut' : 'Failed';
      const text = phase === 'TimedOut' ? `It did not end within ${timeoutSeconds(step)} s` : message;
      return this.#end(index, phase, { name: step.name, message: maskAll(text, this.#masked) });
    }
  }

  /** Undefined: the step is to be done, again or for the first time. */
  async #resume(
    step: HostTaskStep,
    index: number,
    status: StepStatus,
    signal: AbortSignal,
  ): Promise<StepStatus | undefined> {
    const runsProcess = step.script !== undefined || step.package !== undefined;
    if (!runsProcess) return undefined;
    const mark = this.#mark(index);
    const found = await processState(this.#outcomeFile(index), mark);
    const rebooted = this.record.bootId !== this.#options.bootId;
    // What is to be masked was known in memory only, so what was printed cannot be shown any more.
    if (rebooted && usesSecrets(this.record))
      await rm(this.#options.records.outputFile(this.#uid, index), { force: true });
    if (found.state === 'absent') return undefined;
    if (found.state === 'ended' || (found.state === 'running' && !rebooted)) {
      return this.#await(step, index, status, signal);
    }
    if (rebooted && step.reboots === true) {
      return this.#end(index, 'Succeeded', { ...status, message: 'The host was restarted' });
    }
    if (step.idempotent === true) return undefined;
    const why = rebooted ? 'the host was restarted' : 'its process is gone';
    return this.#end(index, 'Unknown', { ...status, message: `How it ended is not known: ${why} meanwhile` });
  }

  async #isNeedless({ creates, onlyIf }: HostTaskStep): Promise<boolean> {
    if (creates !== undefined && (await exists(creates))) return true;
    return onlyIf !== undefined && !(await succeeds(onlyIf));
  }

  async #begin(step: HostTaskStep, index: number, signal: AbortSignal): Promise<StepStatus> {
    const { records, now, bootId } = this.#options;
    const status: StepStatus = { name: step.name, phase: 'Running', startTime: rfc3339(now()) };
    const process = await this.#prepare(step, index, signal);
    await rm(this.#outcomeFile(index), { force: true });
    this.record.steps[index] = status;
    this.record.bootId = bootId;
    await this.#save();
    if (process === undefined) return this.#doHere(step, index, status, signal);
    const files = { output: records.outputFile(this.#uid, index), outcome: this.#outcomeFile(index) };
    await startProcess({ ...process, mark: this.#mark(index) }, files);
    return this.#await(step, index, status, signal);
  }

  /** References are asked for until the server answers: what is wanted stays wanted while it is away. */
  async #prepare(step: HostTaskStep, index: number, signal: AbortSignal): Promise<Preparation | undefined> {
    const { runDirectory, packagesDirectory } = this.#options;
    for (;;) {
      try {
        this.#cancel.signal.throwIfAborted();
        const directory = join(runDirectory, this.#uid, `step-${index}`);
        let prepared: Preparation | undefined;
        if (step.script !== undefined) prepared = await prepareScript(step.script, this.#references, directory);
        if (step.package !== undefined) {
          prepared = await preparePackageRun(step.package, this.#references, packagesDirectory);
        }
        if (prepared !== undefined) await this.#keepMasked();
        return prepared;
      } catch (error) {
        if (error instanceof StepError || isFileError(error) || !isServerAway(error)) throw error;
        await pause(referenceRetryMs, signal);
        signal.throwIfAborted();
      }
    }
  }

  /** What the agent does itself, and may therefore do again. */
  async #doHere(step: HostTaskStep, index: number, status: StepStatus, signal: AbortSignal): Promise<StepStatus> {
    const timeout = AbortSignal.timeout(timeoutSeconds(step) * 1000);
    const ending = AbortSignal.any([signal, timeout, this.#cancel.signal]);
    const message = await this.#act(step, ending);
    return this.#end(index, 'Succeeded', { ...status, message: message.slice(0, statusOutputBytes) });
  }

  async #act({ file, directory, unit, wait }: HostTaskStep, signal: AbortSignal): Promise<string> {
    if (file !== undefined) return doFile(file, this.#references);
    if (directory !== undefined) return doDirectory(directory);
    if (unit !== undefined) return doUnit(unit);
    if (wait !== undefined) return doWait(wait, signal);
    throw new StepError('The step says nothing that could be done');
  }

  async #await(step: HostTaskStep, index: number, status: StepStatus, signal: AbortSignal): Promise<StepStatus> {
    const files = { output: this.#options.records.outputFile(this.#uid, index), outcome: this.#outcomeFile(index) };
    const deadline = Date.parse(status.startTime ?? '') + timeoutSeconds(step) * 1000;
    const options = { mark: this.#mark(index), deadline, cancel: this.#cancel.signal };
    const { exitCode, stoppedBy } = await waitForProcess(files, options, signal);
    const output = await this.#maskFile(files.output);
    const ended = { ...status, ...output, ...(exitCode === undefined ? {} : { exitCode }) };
    if (stoppedBy === 'cancel') return this.#end(index, 'Cancelled', { ...ended, message: 'The task was cancelled' });
    if (stoppedBy === 'timeout') {
      const message = `It did not end within ${timeoutSeconds(step)} s`;
      return this.#end(index, 'TimedOut', { ...ended, message });
    }
    if (exitCode === undefined && step.reboots !== true) {
      return this.#end(index, 'Unknown', { ...ended, message: 'How it ended is not known: its process is gone' });
    }
    return this.#end(index, exitCode === 0 || exitCode === undefined ? 'Succeeded' : 'Failed', ended);
  }

  async #end(index: number, phase: StepPhase, status: Omit<StepStatus, 'phase'>): Promise<StepStatus> {
    const now = rfc3339(this.#options.now());
    const ended: StepStatus = { startTime: now, ...status, phase, completionTime: now };
    this.record.steps[index] = ended;
    await this.#save();
    return ended;
  }

  async #save(): Promise<void> {
    this.record.reported = false;
    await this.#options.records.save(this.record);
    this.#options.changed(this.record);
  }

  /** From the end of the step on, secrets are not in the file any more either. */
  async #maskFile(path: string): Promise<Pick<StepStatus, 'output' | 'outputBytes' | 'outputTruncated'>> {
    if (this.#masked.length > 0 && (await exists(path))) {
      const masker = new Masker(this.#masked);
      const content = await readFile(path);
      await writeFile(`${path}.masked`, Buffer.concat([masker.push(content), masker.end()]), { mode: 0o600 });
      await rename(`${path}.masked`, path);
    }
    if (!(await exists(path))) return {};
    const { size } = await stat(path);
    const length = Math.min(size, statusOutputBytes);
    const file = await open(path, 'r');
    try {
      const { buffer } = await file.read({ buffer: Buffer.alloc(length), position: size - length });
      const truncated = size >= outputHeadBytes + outputTailBytes;
      return {
        output: buffer.toString().replaceAll('\0', ''),
        outputBytes: size,
        ...(truncated ? { outputTruncated: true } : {}),
      };
    } finally {
      await file.close();
    }
  }

  /** For an agent that takes the task over. */
  async #keepMasked(): Promise<void> {
    this.#masked = maskedTexts(this.#references.secretValues);
    if (this.#masked.length === 0) return;
    await mkdir(dirname(this.#maskedFile), { recursive: true, mode: 0o711 });
    await writeFile(this.#maskedFile, JSON.stringify(this.#masked), { mode: 0o600 });
  }

  async #recallMasked(): Promise<void> {
    try {
      this.#masked = JSON.parse(await readFile(this.#maskedFile, 'utf8')) as string[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  get #maskedFile(): string {
    return join(this.#runDirectory, 'masked.json');
  }

  get #runDirectory(): string {
    return join(this.#options.runDirectory, this.#uid);
  }

  get #uid(): string {
    return this.record.task.metadata.uid ?? '';
  }

  #mark(index: number): string {
    return `${this.#uid}/${index}`;
  }

  #outcomeFile(index: number): string {
    return this.#options.records.outcomeFile(this.#uid, index);
  }
}

function timeoutSeconds({ timeoutSeconds: seconds = defaultTimeoutSeconds }: HostTaskStep): number {
  return seconds;
}

function usesSecrets({ task }: TaskRecord): boolean {
  return [...referencesOfTask(task.spec)].some((reference) => reference.startsWith('secrets/'));
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}

function isFileError(error: unknown): boolean {
  return (
    typeof (error as NodeJS.ErrnoException).syscall === 'string' && (error as NodeJS.ErrnoException).path !== undefined
  );
}
