import { isJsonObject } from '../../machinery/json.ts';

/**
 * The part of kubectl's JSONPath that definitions may use for columns, scales and selectable fields: names, quoted
 * names, indexes, slices, wildcards, descent and comparisons in filters.
 */
export type JsonPath = readonly Step[];

type Step =
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'index'; readonly index: number }
  | { readonly type: 'slice'; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly type: 'all' }
  | { readonly type: 'descend' }
  | { readonly type: 'filter'; readonly path: JsonPath; readonly operator: string; readonly operand: unknown };

/** Throws Error with what is wrong. The leading dot may be missing. */
export function parseJsonPath(text: string): JsonPath {
  const trimmed = text.trim().replace(/^\{(.*)\}$/s, '$1');
  const source = trimmed.startsWith('$') ? trimmed.slice(1) : trimmed;
  const steps: Step[] = [];
  let at = 0;
  while (at < source.length) {
    if (source.startsWith('..', at)) {
      steps.push({ type: 'descend' });
      at += source[at + 2] === '[' ? 2 : 1;
    } else if (source[at] === '.') {
      const [, name = ''] = /^\.((?:\\.|[^.[\]\\])*)/.exec(source.slice(at)) ?? [];
      at += name.length + 1;
      if (name === '*') steps.push({ type: 'all' });
      else if (name !== '') steps.push({ type: 'name', name: name.replace(/\\(.)/g, '$1') });
      else if (source[at] !== '[' && at < source.length) throw new Error(`unexpected character at ${at} of ${text}`);
    } else if (source[at] === '[') {
      const end = endOfBrackets(source, at);
      steps.push(parseBrackets(source.slice(at + 1, end)));
      at = end + 1;
    } else if (at === 0) {
      return parseJsonPath(`.${source}`);
    } else throw new Error(`unrecognized character in action: ${JSON.stringify(source[at])}`);
  }
  return steps;
}

/** Every value the path leads to. */
export function findAll(value: unknown, path: JsonPath): unknown[] {
  let found: unknown[] = [value];
  for (const step of path) {
    found = found.flatMap((from) => stepFrom(from, step));
    if (found.length === 0) return found;
  }
  return found;
}

export function findFirst(value: unknown, path: JsonPath): unknown {
  return findAll(value, path)[0];
}

/** The names of a path that has nothing but names; undefined for another. */
export function plainNames(path: JsonPath): string[] | undefined {
  const names = path.map((step) => (step.type === 'name' ? step.name : undefined));
  return names.every((name) => name !== undefined) ? names : undefined;
}

function stepFrom(value: unknown, step: Step): unknown[] {
  switch (step.type) {
    case 'name':
      return isJsonObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'index':
      return Array.isArray(value) ? value.slice(step.index, step.index === -1 ? undefined : step.index + 1) : [];
    case 'slice':
      return Array.isArray(value) ? value.slice(step.from, step.to) : [];
    case 'all':
      return childrenOf(value);
    case 'descend':
      return descendants(value);
    case 'filter':
      return Array.isArray(value) ? value.filter((item) => passes(item, step)) : [];
  }
}

function childrenOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return isJsonObject(value) ? Object.values(value) : [];
}

function descendants(value: unknown): unknown[] {
  return [value, ...childrenOf(value).flatMap(descendants)];
}

function passes(item: unknown, { path, operator, operand }: Extract<Step, { type: 'filter' }>): boolean {
  const found = findAll(item, path);
  if (operator === '') return found.length > 0;
  const [value] = found;
  if (operator === '==') return value === operand;
  if (operator === '!=') return value !== operand;
  if (typeof value !== typeof operand || (typeof value !== 'number' && typeof value !== 'string')) return false;
  const [left, right] = [value, operand as typeof value];
  if (operator === '<') return left < right;
  if (operator === '>') return left > right;
  return operator === '<=' ? left <= right : left >= right;
}

function endOfBrackets(source: string, start: number): number {
  let depth = 0;
  let quote = '';
  for (let at = start; at < source.length; at++) {
    const char = source[at] ?? '';
    if (quote !== '') {
      if (char === '\\') at++;
      else if (char === quote) quote = '';
    } else if (char === "'" || char === '"') quote = char;
    else if (char === '[') depth++;
    else if (char === ']' && --depth === 0) return at;
  }
  throw new Error('unterminated array');
}

function parseBrackets(text: string): Step {
  const inner = text.trim();
  const quoted = /^(['"])(.*)\1$/s.exec(inner);
  if (quoted !== null) return { type: 'name', name: (quoted[2] ?? '').replace(/\\(.)/g, '$1') };
  if (inner === '*') return { type: 'all' };
  if (/^-?\d+$/.test(inner)) return { type: 'index', index: Number(inner) };
  const slice = /^(-?\d*):(-?\d*)$/.exec(inner);
  if (slice !== null) {
    const bound = (part: string | undefined) => (part === undefined || part === '' ? undefined : Number(part));
    return { type: 'slice', from: bound(slice[1]), to: bound(slice[2]) };
  }
  const filter = /^\?\(\s*@((?:[^=!<>'"]|\[['"][^\]]*\])*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?))?\s*\)$/s.exec(inner);
  if (filter === null) throw new Error(`invalid array index ${inner}`);
  const [, path = '', operator = '', operand = ''] = filter;
  return { type: 'filter', path: parseJsonPath(path), operator, operand: literal(operand) };
}

function literal(text: string): unknown {
  const quoted = /^(['"])(.*)\1$/s.exec(text);
  if (quoted !== null) return quoted[2];
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;
}
