/**
 * Several machines on one: each has a network, host name, /run, Docker Engine and data of its own, and a link to one
 * switch, which is a network of its own too. Nothing of it touches the network of the machine that runs the tests.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type CommandOptions, type CommandResult, command } from '../e2e/kubectl.ts';

const readyTimeoutMs = 60_000;

export class Machine {
  readonly name: string;
  readonly address: string;
  readonly #holder: ChildProcess;

  constructor(name: string, address: string, holder: ChildProcess) {
    this.name = name;
    this.address = address;
    this.#holder = holder;
  }

  /** Runs a program on it to the end, whatever its exit code. */
  try(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return command('nsenter', ['-t', String(this.#holder.pid), '-m', '-n', '-u', '--', ...args], options);
  }

  /** Runs a program that must succeed; its standard output. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.try(args, options);
    if (code !== 0) throw new Error(`${this.name}: ${args.join(' ')} exited ${code}\n${stderr}${stdout}`);
    return stdout;
  }

  async turnOff(): Promise<void> {
    const ended = once(this.#holder, 'exit');
    this.#holder.stdin?.end();
    await ended;
  }
}

/** The switch and the machines on it. */
export class Machines {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'roadstead-hosts-'));
  readonly #id = `rst${process.pid}`;
  readonly #machines: Machine[] = [];
  readonly #networks: string[] = [];

  async start(): Promise<void> {
    await ip('netns', 'add', this.#id);
    await ip('-n', this.#id, 'link', 'add', 'switch', 'type', 'bridge');
    await ip('-n', this.#id, 'addr', 'add', '10.77.0.1/24', 'dev', 'switch');
    await ip('-n', this.#id, 'link', 'set', 'switch', 'up');
  }

  async add(name: string): Promise<Machine> {
    const number = this.#networks.length + 11;
    const [address, network] = [`10.77.0.${number}`, `${this.#id}-${number}`];
    this.#networks.push(network);
    await ip('netns', 'add', network);
    await ip('-n', this.#id, 'link', 'add', `port${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', network);
    await ip('-n', this.#id, 'link', 'set', `port${number}`, 'master', 'switch', 'up');
    await ip('-n', network, 'link', 'set', 'lo', 'up');
    await ip('-n', network, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    await ip('-n', network, 'link', 'set', 'eth0', 'up');
    await ip('-n', network, 'route', 'add', 'default', 'via', '10.77.0.1');
    const folder = path.join(this.folder, name);
    mkdirSync(folder);
    const inside = path.join(import.meta.dirname, 'machine.sh');
    const args = [`--net=/run/netns/${network}`, 'unshare', '--mount', '--uts', inside, folder, name];
    const holder = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const machine = new Machine(name, address, holder);
    this.#machines.push(machine);
    if (holder.stdout === null) throw new Error(`${name} has no output`);
    const [said] = await once(holder.stdout, 'data', { signal: AbortSignal.timeout(readyTimeoutMs) });
    if (!String(said).startsWith('ready')) throw new Error(`${name} did not start: ${String(said)}`);
    return machine;
  }

  /** Turns all of them off and removes what they left, but for the logs when `keep` is set. */
  async stop({ keep = false } = {}): Promise<void> {
    for (const machine of this.#machines) await machine.turnOff();
    for (const network of this.#networks) await ip('netns', 'del', network);
    await ip('netns', 'del', this.#id);
    if (keep) console.log(`Logs of the machines stay in ${this.folder}`);
    else rmSync(this.folder, { recursive: true, force: true });
  }
}

async function ip(...args: string[]): Promise<void> {
  const { code, stderr } = await command('ip', args);
  if (code !== 0) throw new Error(`ip ${args.join(' ')} failed: ${stderr}`);
}
