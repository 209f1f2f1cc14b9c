import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { apiError, tooManyRequests } from '../../machinery/status-error.ts';
import type { RequestContext } from '../request.ts';
import type { Route } from '../routes.ts';
import { installScript } from './install-script.ts';

const prefix = '/join/';
/** As `uname -m` and as node call them. */
const architectures: Readonly<Record<string, string>> = { x86_64: 'x64', aarch64: 'arm64' };
/** The program is large and anyone may fetch it. */
const downloadsMax = 64;

export interface JoinFiles {
  /** Where the programs lie; absent: there are none. */
  readonly directory: string | undefined;
  /** PEM of the cluster's authority. */
  readonly caCertificate: string;
  /** What the agent of a joining host is told of the cluster. */
  readonly network: object;
}

/**
 * `/join/install.sh`, `/join/ca.crt`, `/join/network.json` and the program it fetches, `/join/roadstead-linux-x64`: what a machine needs that knows nothing of
 * the cluster yet. They are for everyone, since they hold nothing secret and the line that starts a join carries the
 * digests of the script and of the authority's key, and the script that of the program.
 */
export function joinRoute({ directory, caCertificate, network }: JoinFiles): Route {
  const digests = new Digests(directory);
  let downloads = 0;
  const sendProgram = async (context: RequestContext, folder: string, name: string): Promise<void> => {
    if (downloads >= downloadsMax) throw tooManyRequests('too many hosts fetch the program at once; try again', 10);
    downloads++;
    try {
      await sendFile(context, join(folder, name));
    } finally {
      downloads--;
    }
  };
  return {
    matches: (path) => path.startsWith(prefix),
    async handle(context) {
      const name = context.path.slice(prefix.length);
      if (name === 'ca.crt') {
        context.response.send(200, 'application/x-pem-file', caCertificate);
        return;
      }
      if (name === 'network.json') {
        context.response.send(200, 'application/json', JSON.stringify(network));
        return;
      }
      const programs = await digests.read();
      if (name === 'install.sh' && programs.size > 0) {
        context.response.send(200, 'text/x-shellscript; charset=utf-8', installScript(programs));
        return;
      }
      if (directory !== undefined && [...programs.keys()].some((machine) => name === fileName(machine))) {
        await sendProgram(context, directory, name);
        return;
      }
      const why =
        programs.size === 0
          ? 'this server has no program to hand out; build it with "make dist" where the server is installed'
          : `there is no ${JSON.stringify(name)} here; there are install.sh and ${[...programs.keys()].map(fileName).join(', ')}`;
      throw apiError(404, 'NotFound', why, {});
    },
  };
}

function fileName(machine: string): string {
  return `roadstead-linux-${architectures[machine] ?? machine}`;
}

/** SHA-256 of the programs that are there by `uname -m`; read again when a file has been replaced. */
class Digests {
  readonly #directory: string | undefined;
  readonly #known = new Map<string, { readonly version: string; readonly digest: Promise<string> }>();

  constructor(directory: string | undefined) {
    this.#directory = directory;
  }

  async read(): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    if (this.#directory === undefined) return found;
    for (const machine of Object.keys(architectures)) {
      const file = join(this.#directory, fileName(machine));
      const version = await versionOf(file);
      if (version === undefined) continue;
      let known = this.#known.get(machine);
      if (known?.version !== version) {
        known = { version, digest: digestOf(file) };
        this.#known.set(machine, known);
        // A file that could not be read to its end is read again by the next who asks.
        known.digest.catch(() => this.#known.delete(machine));
      }
      found.set(machine, await known.digest);
    }
    return found;
  }
}

async function versionOf(file: string): Promise<string | undefined> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function sendFile({ response, signal }: RequestContext, file: string): Promise<void> {
  const { size } = await stat(file);
  response.setHeader('content-length', String(size));
  const stream = response.stream(200, 'application/octet-stream');
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 })) {
    if (signal.aborted) return;
    if (!stream.write(chunk as Buffer)) await stream.drained();
  }
  stream.end();
}
