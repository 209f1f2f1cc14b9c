import type { Literal } from './ast.ts';
import { CelCompileError } from './errors.ts';

export type Token =
  | { readonly type: 'literal'; readonly literal: Literal; readonly at: number; readonly text: string }
  | { readonly type: 'ident' | 'symbol' | 'end'; readonly at: number; readonly text: string };

const symbols = [
  '==',
  '!=',
  '<=',
  '>=',
  '&&',
  '||',
  '<',
  '>',
  '+',
  '-',
  '*',
  '/',
  '%',
  '!',
  '?',
  ':',
  '.',
  ',',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
]; // prettier-ignore
const identPattern = /[A-Za-z_][A-Za-z0-9_]*/y;
const backtickPattern = /`([A-Za-z0-9_.\-/ ]+)`/y;
const numberPattern =
  /0[xX][0-9a-fA-F]+[uU]?|(?:[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)|[0-9]+[uU]?/y;
const spacePattern = /(?:\s+|\/\/[^\n]*)+/y;
const stringStart = /([rRbB]{0,2})("""|'''|"|')/y;

export const int64Max = 2n ** 63n - 1n;
export const int64Min = -(2n ** 63n);
export const uint64Max = 2n ** 64n - 1n;

export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  while (at < source.length) {
    const space = match(spacePattern);
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    const text = match(stringStart);
    if (text !== null) {
      const [literal, end] = readString(source, at, text);
      tokens.push({ type: 'literal', literal, at, text: source.slice(at, end) });
      at = end;
      continue;
    }
    const ident = match(identPattern);
    const quoted = match(backtickPattern);
    const number = match(numberPattern);
    const symbol = symbols.find((candidate) => source.startsWith(candidate, at));
    if (ident !== null) tokens.push(wordToken(ident[0], at));
    else if (quoted !== null) tokens.push({ type: 'ident', at, text: quoted[1] ?? '' });
    else if (number !== null)
      tokens.push({ type: 'literal', literal: readNumber(source, at, number[0]), at, text: number[0] });
    else if (symbol !== undefined) tokens.push({ type: 'symbol', at, text: symbol });
    else {
      throw new CelCompileError(source, [{ at, message: `Syntax error: token recognition error at: '${source[at]}'` }]);
    }
    at += (ident ?? quoted ?? number)?.[0].length ?? symbol?.length ?? 1;
  }
  tokens.push({ type: 'end', at: source.length, text: '<EOF>' });
  return tokens;
}

function wordToken(text: string, at: number): Token {
  if (text === 'true' || text === 'false') {
    return { type: 'literal', literal: { type: 'bool', value: text === 'true' }, at, text };
  }
  if (text === 'null') return { type: 'literal', literal: { type: 'null' }, at, text };
  if (text === 'in') return { type: 'symbol', at, text };
  return { type: 'ident', at, text };
}

/** A minus sign is an operator of its own; the parser lets `-9223372036854775808` through. */
function readNumber(source: string, at: number, text: string): Literal {
  if (/[uU]$/.test(text)) {
    const value = BigInt(text.slice(0, -1));
    if (value > uint64Max) throw new CelCompileError(source, [{ at, message: 'invalid uint literal' }]);
    return { type: 'uint', value };
  }
  if (/^0[xX]/.test(text) || /^[0-9]+$/.test(text)) {
    const value = BigInt(text);
    if (value > int64Max + 1n) throw new CelCompileError(source, [{ at, message: 'invalid int literal' }]);
    return { type: 'int', value };
  }
  return { type: 'double', value: Number(text) };
}

function readString(
  source: string,
  start: number,
  [whole, prefix = '', quote = '']: RegExpExecArray,
): [Literal, number] {
  const isRaw = /[rR]/.test(prefix);
  const isBytes = /[bB]/.test(prefix);
  const bytes: number[] = [];
  let text = '';
  let at = start + whole.length;
  for (;;) {
    if (at >= source.length || (quote.length === 1 && source[at] === '\n')) {
      throw new CelCompileError(source, [
        { at: start, message: 'Syntax error: token recognition error at: unterminated string' },
      ]);
    }
    if (source.startsWith(quote, at)) break;
    if (source[at] === '\\' && !isRaw) {
      const [code, length, isByte] = readEscape(source, at);
      if (isBytes && isByte) bytes.push(...flushText(text), code);
      else text += String.fromCodePoint(code);
      if (isBytes && isByte) text = '';
      at += length;
    } else if (source[at] === '\\') {
      text += source.slice(at, at + 2);
      at += 2;
    } else text += source[at++] ?? '';
  }
  const end = at + quote.length;
  if (!isBytes) return [{ type: 'string', value: text }, end];
  return [{ type: 'bytes', value: Uint8Array.from([...bytes, ...flushText(text)]) }, end];
}

function flushText(text: string): Uint8Array {
  return Buffer.from(text);
}

const plainEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
}; // prettier-ignore

/** Code, length in the source, and whether it means one byte in a bytes literal. */
function readEscape(source: string, at: number): [number, number, boolean] {
  const next = source[at + 1] ?? '';
  const plain = plainEscapes[next];
  if (plain !== undefined) return [plain.charCodeAt(0), 2, false];
  const numeric = /^\\(?:x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))/.exec(
    source.slice(at, at + 10),
  );
  if (numeric === null) {
    throw new CelCompileError(source, [{ at, message: `Syntax error: token recognition error at: '\\${next}'` }]);
  }
  const [whole, x, bigX, u, bigU, octal] = numeric;
  const code = octal === undefined ? Number.parseInt(x ?? bigX ?? u ?? bigU ?? '', 16) : Number.parseInt(octal, 8);
  return [code, whole.length, u === undefined && bigU === undefined];
}
