import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe } from 'node:test';
import { runRuntimeContract } from '../runtime-contract.ts';
import { createDockerRuntime } from './docker-runtime.ts';

const busybox = '/bin/busybox';
const image = 'rs-h-contract:1';
// Needs an engine and a busybox to make an image of; elsewhere the sim carries the suite.
const possible = spawnSync('docker', ['version']).status === 0 && existsSync(busybox);

if (possible) {
  importImage();
  after(() => void spawnSync('docker', ['rmi', '-f', image]));
  runRuntimeContract('docker', async () => ({
    // The image doubles as the sandbox's: its own command does not end.
    runtime: createDockerRuntime({ owner: `contract-${process.pid}`, sandboxImage: image }),
    image,
    exitsWith: (code) => ({ command: ['/bin/sh', '-c', `exit ${code}`], env: [] }),
    runsOn: { command: ['/bin/sleep', '1000'], env: [] },
  }));
} else describe.skip('ContainerRuntime docker: no engine here');

function importImage(): void {
  const root = mkdtempSync(join(tmpdir(), 'rs-h-'));
  copyFileSync(busybox, join(root, 'busybox'));
  mkdirSync(join(root, 'bin'));
  for (const library of librariesOf(busybox)) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    copyFileSync(library, join(root, library));
  }
  for (const name of ['sh', 'sleep', 'true']) symlinkSync('/busybox', join(root, 'bin', name));
  const archive = execFileSync('tar', ['-C', root, '-c', '.'], { maxBuffer: 64 * 1024 * 1024 });
  execFileSync('docker', ['import', '-c', 'CMD ["/bin/sleep", "1000000"]', '-', image], { input: archive });
  rmSync(root, { recursive: true });
}

/** None for a static program; `ldd` fails on those. */
function librariesOf(program: string): string[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  return [...(stdout ?? '').matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
}
