/**
 * Started once for all end-to-end tests: a cluster by the very command users type, in a data directory of its own. The
 * tests find it through KUBECONFIG and ROADSTEAD_DATA. On failure its logs stay behind.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const program = path.resolve(import.meta.dirname, '../../bin/roadstead');
let dataDirectory = '';

export async function globalSetup(): Promise<void> {
  dataDirectory = mkdtempSync(path.join(tmpdir(), 'roadstead-e2e-'));
  const port = await freePort();
  process.env['ROADSTEAD_DATA'] = dataDirectory;
  process.env['ROADSTEAD_PORT'] = String(port);
  process.env['KUBECONFIG'] = path.join(dataDirectory, 'kubeconfig');
  // Made anew, so that they are this machine's and this tree's.
  await run(program, ['images', '--force']);
  const { stdout } = await run(program, ['up', '--data-dir', dataDirectory, '--port', String(port)]);
  process.stdout.write(stdout);
}

export async function globalTeardown(): Promise<void> {
  if (process.env['ROADSTEAD_KEEP'] !== undefined) {
    console.log(
      `Kept the cluster in ${dataDirectory}; "bin/roadstead down --purge --data-dir ${dataDirectory}" removes it`,
    );
    return;
  }
  await run(program, ['down', '--purge', '--data-dir', dataDirectory]);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
