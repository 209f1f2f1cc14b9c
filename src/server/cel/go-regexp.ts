import { setFlagsFromString } from 'node:v8';

/**
 * Patterns of users run inside the server: one that would backtrack without end goes over to the engine of linear time
 * instead, which takes everything that RE2 takes.
 */
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

const posixClasses: Readonly<Record<string, string>> = {
  alnum: 'a-zA-Z0-9',
  alpha: 'a-zA-Z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/** Patterns compiled lately, so that a rule which runs for each item of a list compiles its pattern once. */
const compiledMax = 500;
const compiled = new Map<string, RegExp>();

/** A pattern in Go's syntax (RE2) as a RegExp. Throws SyntaxError for one that does not hold, or that RE2 has not. */
export function goRegExp(pattern: string, flags = ''): RegExp {
  const key = `${flags}/${pattern}`;
  let found = compiled.get(key);
  if (found === undefined) {
    found = compile(pattern, flags);
    if (compiled.size >= compiledMax) compiled.clear();
    compiled.set(key, found);
  }
  found.lastIndex = 0;
  return found;
}

function compile(pattern: string, flags: string): RegExp {
  if (/\(\?<?[=!]/.test(pattern)) throw new SyntaxError('invalid or unsupported Perl syntax: `(?`');
  if (/(?:^|[^\\])(?:\\\\)*\\[1-9]/.test(pattern)) throw new SyntaxError('invalid escape sequence');
  const leading = /^\(\?([imsU]+)\)/.exec(pattern);
  const own = [...(leading?.[1] ?? '')].filter((flag) => flag !== 'U').join('');
  const source = translate(leading === null ? pattern : pattern.slice(leading[0].length));
  const all = [...new Set(flags + own)].join('');
  // The engine of linear time does not know unicode mode, so that is only for patterns which mean nothing without it.
  const needsUnicode = /\\[pP][{A-Z]|\\u\{|[\u{10000}-\u{10ffff}]/u.test(source);
  return new RegExp(source, needsUnicode ? `${all}u` : all);
}

/** What Go writes differently: \A, \z, \pL, named groups, POSIX classes. */
function translate(pattern: string): string {
  return pattern
    .replace(/\\Q([\s\S]*?)(?:\\E|$)/g, (_whole, text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
    .replaceAll('(?P<', '(?<')
    .replace(/\[:(\^?)([a-z]+):\]/g, (whole, negated: string, name: string) =>
      negated === '' ? (posixClasses[name] ?? whole) : whole,
    )
    .replace(/\\([\s\S])/g, (whole, escaped: string) => (escaped === 'A' ? '^' : escaped === 'z' ? '$' : whole))
    .replace(/\\([pP])([A-Z])/g, '\\$1{$2}')
    .replace(/\\([pP])\{([A-Z][A-Za-z_]{2,})\}/g, '\\$1{Script=$2}')
    .replace(/\\x\{([0-9a-fA-F]+)\}/g, '\\u{$1}');
}
