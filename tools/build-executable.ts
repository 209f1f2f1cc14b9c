/**
 * `make dist`: one executable file of the agent and the command line, which a server hands to the hosts that join. The
 * server's own parts are left out, and with them the one library that is not JavaScript.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const output = path.join(root, 'dist', `roadstead-linux-${process.arch}`);
const work = mkdtempSync(path.join(tmpdir(), 'roadstead-executable-'));

/** Commands that only an installation has. */
const withoutServer: Plugin = {
  name: 'without-server',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\/daemons\/(server|up)\.ts$/ }, ({ path: name }) => ({
      path: name,
      namespace: 'left-out',
    }));
    onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({
      contents: `import { UserError } from './user-error.ts';
        const refuse = () => { throw new UserError('This executable is for hosts and holds no server; use an installation of Roadstead'); };
        export { refuse as runServer, refuse as up };`,
      loader: 'ts',
      resolveDir: path.join(root, 'src/cli'),
    }));
  },
};

try {
  const bundle = path.join(work, 'roadstead.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['src/cli/main.ts'],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'],
    target: 'node26',
    alias: { yaml: path.join(root, 'node_modules/yaml/browser/index.js') },
    external: ['bufferutil', 'utf-8-validate'],
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(process.execPath);",
    },
    minifyWhitespace: true,
    minifySyntax: true,
    charset: 'ascii',
    legalComments: 'none',
    plugins: [withoutServer],
    logLevel: 'warning',
  });
  // Stripped first: an executable that already carries its code does not survive it.
  const node = path.join(work, 'node');
  copyFileSync(process.execPath, node);
  execFileSync('strip', [node]);
  const config = path.join(work, 'executable.json');
  const made = path.join(work, 'roadstead');
  writeFileSync(
    config,
    JSON.stringify({
      main: bundle,
      mainFormat: 'module',
      executable: node,
      output: made,
      disableExperimentalSEAWarning: true,
    }),
  );
  execFileSync(process.execPath, ['--build-sea', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  // Replaced whole: a server may be handing out the one of before.
  copyFileSync(made, `${output}.new`);
  renameSync(`${output}.new`, output);
  console.log(`Built ${path.relative(root, output)}: ${(statSync(output).size / 1e6).toFixed(0)} MB`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
