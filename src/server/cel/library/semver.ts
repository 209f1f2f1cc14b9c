import { CelError } from '../errors.ts';
import { CelOpaque } from '../values.ts';
import { fn, method, type Overload } from './overload.ts';

export class CelSemver extends CelOpaque {
  readonly typeName = 'semver';
  readonly numbers: readonly bigint[];
  readonly pre: readonly string[];

  constructor(numbers: readonly bigint[], pre: readonly string[]) {
    super();
    this.numbers = numbers;
    this.pre = pre;
  }

  equals(other: CelOpaque): boolean {
    return other instanceof CelSemver && compare(this, other) === 0;
  }
}

const pattern =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

function parse(text: string, normalize: boolean): CelSemver | undefined {
  const parts = pattern.exec(normalize ? normalized(text) : text);
  if (parts === null) return undefined;
  const [, major = '0', minor = '0', patch = '0', pre = ''] = parts;
  return new CelSemver([BigInt(major), BigInt(minor), BigInt(patch)], pre === '' ? [] : pre.split('.'));
}

/** `v1.02` -> `1.2.0` */
function normalized(text: string): string {
  const [, numbers = '', rest = ''] = /^v?([0-9.]*)(.*)$/.exec(text) ?? [];
  const parts = numbers.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (parts.length < 3 && rest === '') parts.push('0');
  return parts.join('.') + rest;
}

function compare(a: CelSemver, b: CelSemver): number {
  for (let index = 0; index < 3; index++) {
    const [left = 0n, right = 0n] = [a.numbers[index], b.numbers[index]];
    if (left !== right) return left < right ? -1 : 1;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length);
  for (let index = 0; index < Math.min(a.pre.length, b.pre.length); index++) {
    const order = comparePart(a.pre[index] ?? '', b.pre[index] ?? '');
    if (order !== 0) return order;
  }
  return Math.sign(a.pre.length - b.pre.length);
}

/** Numbers come before words. */
function comparePart(a: string, b: string): number {
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (left && right) return Math.sign(Number(BigInt(a) - BigInt(b)));
  if (left !== right) return left ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function read(text: string, normalize: boolean): CelSemver {
  const found = parse(text, normalize);
  if (found === undefined) throw new CelError(`No Major.Minor.Patch elements found in ${JSON.stringify(text)}`);
  return found;
}

export const semvers: readonly Overload[] = [
  fn('semver', ['string'], 'semver', (text) => read(text, false)),
  fn('semver', ['string', 'bool'], 'semver', read),
  fn('isSemver', ['string'], 'bool', (text) => parse(text, false) !== undefined),
  fn('isSemver', ['string', 'bool'], 'bool', (text, normalize) => parse(text, normalize) !== undefined),
  method('major', ['semver'], 'int', ({ numbers }) => numbers[0] ?? 0n),
  method('minor', ['semver'], 'int', ({ numbers }) => numbers[1] ?? 0n),
  method('patch', ['semver'], 'int', ({ numbers }) => numbers[2] ?? 0n),
  method('isLessThan', ['semver', 'semver'], 'bool', (a, b) => compare(a, b) < 0),
  method('isGreaterThan', ['semver', 'semver'], 'bool', (a, b) => compare(a, b) > 0),
  method('compareTo', ['semver', 'semver'], 'int', (a, b) => BigInt(compare(a, b))),
];
