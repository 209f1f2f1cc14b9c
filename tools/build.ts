/** Bundles the program into `dist/`: one entry, chunks loaded when a command needs them, lmdb left as a package. */
import { isAscii } from 'node:buffer';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const out = path.join(root, 'dist');

// What was built before stays: a program that runs from it loads its chunks when it first needs them.
/**
 * Importing `node:http` as a module reads all of its exports, and three of them load Node's fetch (6 MB of memory a
 * process). Asking for the module itself reads only what is used.
 */
const httpWithoutFetch: Plugin = {
  name: 'http-without-fetch',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?http$/ }, ({ kind }) =>
      kind === 'import-statement' ? { path: 'http', namespace: 'builtin' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'builtin' }, () => ({
      contents: "module.exports = process.getBuiltinModule('node:http');",
      loader: 'js',
    }));
  },
};

const result = await build({
  absWorkingDir: root,
  entryPoints: { roadstead: 'src/cli/main.ts' },
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  mainFields: ['module', 'main'],
  target: 'node26',
  // Loaded by import(), which gives a CommonJS package no names: take the form written as modules.
  alias: { yaml: path.join(root, 'node_modules/yaml/browser/index.js') },
  external: ['lmdb', 'bufferutil', 'utf-8-validate'],
  // Packages written as CommonJS ask for node's modules by require, which a module has only when given one.
  banner: {
    js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
  },
  chunkNames: 'chunks/[name]-[hash]',
  sourcemap: 'linked',
  legalComments: 'none',
  plugins: [httpWithoutFetch],
  metafile: true,
  logLevel: 'warning',
});
copyFileSync(path.join(root, 'src/api/schema/prose.generated.json'), path.join(out, 'prose.generated.json'));

// One character beyond ASCII (esbuild leaves those of regular expressions and comments) doubles what a whole chunk takes
// in memory.
for (const file of Object.keys(result.metafile.outputs)) {
  const absolute = path.join(root, file);
  const code = file.endsWith('.mjs') ? readFileSync(absolute) : Buffer.alloc(0);
  if (!isAscii(code)) writeFileSync(absolute, code.toString().replace(/[^\0-\x7f]/g, escapeCharacter));
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const bytes = Object.entries(result.metafile.outputs)
  .filter(([file]) => file.endsWith('.mjs'))
  .reduce((total, [, output]) => total + output.bytes, 0);
console.log(`Built dist/roadstead.mjs: ${(bytes / 1e6).toFixed(1)} MB of code`);
