/**
 * `make test`: prepares the host (Docker Engine running, kubectl there), then runs the tests in two phases: those that
 * stand alone side by side, then those that own the machine's one cluster, a file at a time. With arguments, only the
 * files that match them; those of several machines run only so. Ends with a line of totals and exits 1 when a test failed.
 */
import { globSync } from 'node:fs';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { globalSetup, globalTeardown } from '../test/e2e/cluster-setup.ts';
import { prepareHost } from './prepare-host.ts';

const root = path.resolve(import.meta.dirname, '..');
const wanted = process.argv.slice(2);
const totals = { passed: 0, failed: 0, skipped: 0 };

const alone = select([
  'src/**/*.test.ts',
  'test/integration/**/*.test.ts',
  'test/conformance/server/**/*.test.ts',
  'tools/**/*.test.ts',
]);
// They need the executable, which takes long to build: only when asked for.
const machines = wanted.length === 0 ? [] : select(['test/hosts/**/*.test.ts']);
const cluster = select(['test/e2e/**/*.test.ts', 'test/conformance/cluster/**/*.test.ts']);

await prepareHost();
await runPhase(alone, 2);
await runPhase(machines, 1);
if (cluster.length > 0) {
  // Not by `globalSetupPath`, which a process heeds in its first run only.
  await globalSetup();
  try {
    await runPhase(cluster, 1);
  } finally {
    await globalTeardown();
  }
}

console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;

function select(patterns: readonly string[]): string[] {
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: root })).sort();
  if (wanted.length === 0) return files;
  const asked = new Set(wanted.flatMap((pattern) => globSync(pattern, { cwd: root })));
  return files.filter((file) => asked.has(file));
}

async function runPhase(files: readonly string[], concurrency: number): Promise<void> {
  if (files.length === 0) return;
  const stream = run({ files: files.map((file) => path.join(root, file)), timeout: 900_000, concurrency });
  stream.on('test:pass', (test) => {
    if (test.details.type === 'suite') return;
    if (test.skip !== undefined || test.todo !== undefined) totals.skipped++;
    else totals.passed++;
  });
  stream.on('test:fail', (test) => {
    if (test.details.type !== 'suite') totals.failed++;
  });
  for await (const line of stream.compose(new spec())) process.stdout.write(line);
}
