/**
 * Holds every import under `src/` to `tools/import-rules.json`, and the tree to the house rules that no linter knows: no
 * file loads itself by way of others, the program loads nothing made for tests, nothing is called utils, helpers, common
 * or core outside `api/`, no file is longer than 800 lines.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import rules from './import-rules.json' with { type: 'json' };

const root = path.resolve(import.meta.dirname, '..');
const source = path.join(root, 'src');
const linesMax = 800;
const bannedNames = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'core', 'misc']);
const testSupport = /(^|\/)(testing|test-[a-z-]+|[a-z-]+-suite)\.ts$/;
const folders: Readonly<Record<string, readonly string[]>> = rules.folders;
const problems: string[] = [];
/** What each file of the program loads; imports of types alone are gone at run time. */
const loads = new Map<string, string[]>();

for (const file of listFiles(source)) checkFile(file);
checkCycles();
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
  const targets = importsOf(text).map(({ target, isType }) => ({
    target: path.relative(source, path.resolve(path.dirname(file), target)),
    isType,
  }));
  for (const { target } of targets) checkImport(relative, target);
  loads.set(
    relative,
    targets.filter(({ isType }) => !isType).map(({ target }) => target),
  );
}

function checkNames(relative: string): void {
  const banned = relative.split(/[\\/.-]/).find((part) => bannedNames.has(part));
  if (banned !== undefined && !relative.startsWith('api/core/')) {
    problems.push(`src/${relative}: "${banned}" says nothing; name it after what it does`);
  }
}

function importsOf(text: string): { target: string; isType: boolean }[] {
  const statements = /(?:^|\n)\s*(?:import|export)\b([^'"`;]*?)from\s*'(\.[^']+)'|import\(\s*'(\.[^']+)'/g;
  return [...text.matchAll(statements)].map(([, names, target, late]) => ({
    target: target ?? late ?? '',
    // What is imported late is loaded when everything else is.
    isType: names === undefined || isTypesOnly(names),
  }));
}

/** `type { A }`, or `{ type A, type B }`. */
function isTypesOnly(names: string): boolean {
  const listed = /^\s*\{([^}]*)\}/.exec(names)?.[1]?.split(',') ?? [];
  const given = listed.map((name) => name.trim()).filter((name) => name !== '');
  return /^\s*type\b/.test(names) || (given.length > 0 && given.every((name) => name.startsWith('type ')));
}

function checkImport(from: string, to: string): void {
  if (to === '../package.json') return; // the version
  if (to.startsWith('..')) {
    problems.push(`src/${from} imports ${to}, outside src`);
    return;
  }
  if (testSupport.test(to) && !testSupport.test(from) && !from.endsWith('-scenario.ts')) {
    problems.push(`src/${from} imports src/${to}, which is for tests`);
  }
  const fromFolder = from.split(path.sep)[0] ?? '';
  const toFolder = to.split(path.sep)[0] ?? '';
  if (fromFolder === toFolder || folders[fromFolder]?.includes(toFolder)) return;
  const excepted = rules.exceptions.some((rule) => from.startsWith(`${rule.from}/`) && rule.to.includes(toFolder));
  if (!excepted) problems.push(`src/${from} may not import src/${to} (tools/import-rules.json)`);
}

function checkCycles(): void {
  const done = new Set<string>();
  const way: string[] = [];
  const follow = (file: string): void => {
    const start = way.indexOf(file);
    if (start >= 0) problems.push(`These load each other: ${[...way.slice(start), file].join(' -> ')} (under src)`);
    if (start >= 0 || done.has(file)) return;
    way.push(file);
    for (const target of loads.get(file) ?? []) follow(target);
    way.pop();
    done.add(file);
  };
  for (const file of loads.keys()) follow(file);
}
