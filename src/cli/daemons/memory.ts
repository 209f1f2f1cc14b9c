import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * What node is told when it runs a daemon; bin/roadstead says the same. The agent does little and much of it once, so
 * the last of V8's compilers would cost it more memory than it saves time.
 */
export const nodeArguments: Readonly<Record<'server' | 'agent', readonly string[]>> = {
  server: ['--max-semi-space-size=16'],
  agent: ['--max-semi-space-size=4', '--single-threaded-gc', '--no-opt'],
};

/** Few threads allocate at once here; an arena for each of them would only keep what it has freed. */
export const daemonEnvironment: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '1' };

const settledMs = 2500;
/** Collecting a larger heap takes long enough for clients to notice. */
const collectedHeapBytesMax = 100 * 1024 * 1024;

/** Gives back, once, what starting took and running does not need: V8 by itself keeps its heap as large as it was. */
export function giveBackStartupMemory(): void {
  setTimeout(() => {
    if (process.memoryUsage().heapUsed > collectedHeapBytesMax) return;
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    if (typeof collect !== 'function') return;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, settledMs).unref();
}
