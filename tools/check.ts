/** `make check`: every check, all of them even when one fails, and a line that says what to do about each. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const bin = (name: string): string => path.resolve(import.meta.dirname, '../node_modules/.bin', name);

const checks: { name: string; command: string; args: string[] }[] = [
  { name: 'format and lint', command: bin('biome'), args: ['check', '--error-on-warnings'] },
  { name: 'types', command: bin('tsc'), args: ['-p', '.'] },
  { name: 'import rules', command: process.execPath, args: ['tools/check-imports.ts'] },
  { name: 'generated files', command: process.execPath, args: ['tools/generate-api.ts', '--check'] },
  { name: 'conformance list', command: process.execPath, args: ['tools/conformance.ts', '--check'] },
  { name: 'dead code', command: bin('knip'), args: ['--no-progress'] },
];

const failed = checks.filter(({ name, command, args }) => {
  const start = performance.now();
  const { status } = spawnSync(command, args, { stdio: 'inherit', cwd: path.resolve(import.meta.dirname, '..') });
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return status !== 0;
});
if (failed.length > 0) {
  console.error(
    `Failed: ${failed.map(({ name }) => name).join(', ')}. "make format" mends what can be mended by a tool.`,
  );
  process.exit(1);
}
