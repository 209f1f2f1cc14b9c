import { randomBytes } from 'node:crypto';
import { type FleetCommand, fleetCommands, type HostResult, type HostSelection } from '../api/fleet/v1/command.ts';
import { isFinished } from '../api/fleet/v1/host-task.ts';
import type { Client } from '../client/contract.ts';
import { sleep } from '../client/delay.ts';
import { connectFleet, type FleetOptions, taskLog } from './fleet-client.ts';
import { UserError } from './user-error.ts';

export interface RunOptions extends FleetOptions {
  readonly hosts: string;
  readonly parallelism?: string;
  readonly timeout?: number;
  readonly maxFailures?: number;
  readonly dryRun?: boolean;
  readonly output?: string;
}

const pollMs = 200;

/** `roadstead run --hosts ... -- command...`: what it prints on each host, the host before each line; 1 if one failed. */
export async function runOnHosts(words: readonly string[], options: RunOptions): Promise<void> {
  if (words.length === 0) throw new UserError('Nothing to run; write the command after --');
  const client = await connectFleet(options);
  const asJson = options.output === 'json';
  const { name } = (await client.resource(fleetCommands).create(commandOf(words, options))).metadata;
  const ref = { namespace: options.namespace, name };
  const following = new Map<string, Promise<void>>();
  let command: FleetCommand;
  for (;;) {
    command = await client.resource(fleetCommands).get(ref);
    for (const result of asJson ? [] : (command.status?.results ?? []))
      follow(client, ref.namespace, result, following);
    if (isFinished(command.status?.phase)) break;
    await sleep(pollMs);
  }
  await Promise.all(following.values());
  await client.close();
  const { phase, message = '', results = [] } = command.status ?? {};
  if (asJson) console.log(JSON.stringify({ command: name, phase, results }, undefined, 2));
  else if (options.dryRun === true) for (const { host } of results) console.log(host);
  else {
    for (const { host, phase: ended, message: why } of results) {
      if (ended !== 'Succeeded') console.error(`${host}: ${ended}${why === undefined ? '' : `: ${why}`}`);
    }
    console.error(`${name}: ${message}`);
  }
  if (phase !== 'Succeeded') process.exitCode = 1;
}

function commandOf(words: readonly string[], options: RunOptions): FleetCommand {
  const { namespace, parallelism, timeout, maxFailures, dryRun } = options;
  return {
    apiVersion: `${fleetCommands.group}/${fleetCommands.version}`,
    kind: fleetCommands.kind,
    metadata: { name: `run-${randomBytes(4).toString('hex')}`, namespace },
    spec: {
      hosts: selectionOf(options.hosts),
      // One word is a line for a shell; more are a program with its arguments.
      script: words.length === 1 ? { source: words[0] ?? '' } : { command: words },
      ...(parallelism === undefined
        ? {}
        : { parallelism: /^[0-9]+$/.test(parallelism) ? Number(parallelism) : parallelism }),
      ...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
      ...(maxFailures === undefined ? {} : { failurePolicy: 'Stop', maxFailures }),
      ...(dryRun === true ? { dryRun } : {}),
    },
  };
}

/** `all`, `pool`, names with commas between, or a label selector. */
function selectionOf(text: string): HostSelection {
  if (text === 'all') return { all: true };
  if (text === 'pool') return { pool: true };
  return /[=!() ]/.test(text) ? { selector: text } : { names: text.split(',') };
}

function follow(client: Client, namespace: string, result: HostResult, following: Map<string, Promise<void>>): void {
  const { task, host, phase } = result;
  if (task === undefined || following.has(task) || phase === 'Pending') return;
  following.set(
    task,
    print(client, { namespace, name: task }, host).catch((error: unknown) => {
      console.error(`${host}: no output: ${error instanceof Error ? error.message : String(error)}`);
    }),
  );
}

async function print(client: Client, ref: { namespace: string; name: string }, host: string): Promise<void> {
  const { body } = await taskLog(client, { ...ref, follow: true });
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) process.stdout.write(`${host}: ${line}\n`);
  }
  if (rest !== '') process.stdout.write(`${host}: ${rest}\n`);
}
