/**
 * Holds every import under `src/` to `tools/import-rules.json`, and the tree to the house rules that no linter knows:
 * no folder called utils, helpers, common or core outside `api/`, no file past 800 lines.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import rules from './import-rules.json' with { type: 'json' };

const root = path.resolve(import.meta.dirname, '..');
const source = path.join(root, 'src');
const linesMax = 800;
const bannedNames = new Set(['utils', 'util', 'helpers', 'common', 'core', 'misc']);
const folders: Readonly<Record<string, readonly string[]>> = rules.folders;
const problems: string[] = [];

for (const file of listFiles(source)) checkFile(file);
for (const entry of readdirSync(source, { withFileTypes: true })) {
  if (entry.isDirectory() && folders[entry.name] === undefined) {
    problems.push(`src/${entry.name} has no row in tools/import-rules.json: say what it may import`);
  }
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function checkFile(file: string): void {
  const relative = path.relative(source, file);
  checkNames(relative);
  const text = readFileSync(file, 'utf8');
  const lines = text.split('\n').length;
  const isTable = relative.includes('.generated.') || relative.endsWith('-text.ts');
  if (lines > linesMax && !isTable) problems.push(`src/${relative} has ${lines} lines; split it (limit ${linesMax})`);
  if (relative.endsWith('.test.ts')) return;
  for (const target of importsOf(text))
    checkImport(relative, path.relative(source, path.resolve(path.dirname(file), target)));
}

function checkNames(relative: string): void {
  const banned = relative.split(path.sep).find((part) => bannedNames.has(part.replace(/\.ts$/, '')));
  if (banned !== undefined && !relative.startsWith('api/core/')) {
    problems.push(`src/${relative}: "${banned}" says nothing; name it after what it does`);
  }
}

function importsOf(text: string): string[] {
  const statements = /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*'(\.[^']+)'|import\(\s*'(\.[^']+)'/g;
  return [...text.matchAll(statements)].map((match) => match[1] ?? match[2] ?? '');
}

function checkImport(from: string, to: string): void {
  if (to === '../package.json') return; // the version
  if (to.startsWith('..')) {
    problems.push(`src/${from} imports ${to}, outside src`);
    return;
  }
  const fromFolder = from.split(path.sep)[0] ?? '';
  const toFolder = to.split(path.sep)[0] ?? '';
  if (fromFolder === toFolder || folders[fromFolder]?.includes(toFolder)) return;
  const excepted = rules.exceptions.some((rule) => from.startsWith(`${rule.from}/`) && rule.to.includes(toFolder));
  if (!excepted) problems.push(`src/${from} may not import src/${to} (tools/import-rules.json)`);
}
