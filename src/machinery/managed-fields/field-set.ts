import { isJsonObject } from '../json.ts';

/**
 * A set of field paths in the form in which `metadata.managedFields[].fieldsV1` writes it, so that nothing is converted:
 * a key is a path element (`f:name`, `k:{"name":"a"}`, `v:"a"`, `i:0`); a child that is `{}` or has the key `.` is a
 * member of the set. The root itself is never a member: `{}` is the empty set.
 * Sets are values: no function here changes one, and results share parts with what they were made from.
 */
export type FieldSet = { readonly [element: string]: FieldSet };

export const leaf: FieldSet = Object.freeze({});
export const emptySet: FieldSet = Object.freeze({});

const self = '.';

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** Whether the path that leads to this node is in the set. */
export function isMember(node: FieldSet): boolean {
  return node === leaf || node[self] !== undefined || isEmptySet(node);
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a)) return b;
  if (isEmptySet(b)) return a;
  return unionChildren(a, b);
}

function unionChildren(a: FieldSet, b: FieldSet): FieldSet {
  const merged: Record<string, FieldSet> = { ...a };
  for (const element in b) {
    const ofB = b[element];
    const ofA = a[element];
    if (ofB !== undefined) merged[element] = ofA === undefined ? ofB : unionNodes(ofA, ofB);
  }
  return merged;
}

function unionNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  if (isEmptySet(a)) return asMember(b);
  if (isEmptySet(b)) return asMember(a);
  return unionChildren(a, b);
}

function asMember(node: FieldSet): FieldSet {
  return isMember(node) ? node : { [self]: leaf, ...node };
}

/** What is in `a` and not in `b`; each path for itself, not with what lies below it. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b)) return a;
  return combineChildren(a, b, differenceNodes) ?? emptySet;
}

function differenceNodes(a: FieldSet, b: FieldSet | undefined): FieldSet | undefined {
  if (b === undefined) return a;
  return node(isMember(a) && !isMember(b), combineChildren(a, b, differenceNodes));
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return combineChildren(a, b, intersectionNodes) ?? emptySet;
}

function intersectionNodes(a: FieldSet, b: FieldSet | undefined): FieldSet | undefined {
  if (b === undefined) return undefined;
  return node(isMember(a) && isMember(b), combineChildren(a, b, intersectionNodes));
}

function combineChildren(
  a: FieldSet,
  b: FieldSet,
  combine: (a: FieldSet, b: FieldSet | undefined) => FieldSet | undefined,
): FieldSet | undefined {
  let kept: Record<string, FieldSet> | undefined;
  for (const element in a) {
    const child = a[element];
    if (element === self || child === undefined) continue;
    const combined = combine(child, b[element]);
    if (combined === undefined) continue;
    kept ??= {};
    kept[element] = combined;
  }
  return kept;
}

function node(member: boolean, children: FieldSet | undefined): FieldSet | undefined {
  if (children === undefined) return member ? leaf : undefined;
  return member ? { [self]: leaf, ...children } : children;
}

/** Takes whole branches out: `[['f:status']]` removes the status and all below it. */
export function withoutBranches(set: FieldSet, branches: readonly (readonly string[])[]): FieldSet {
  let kept = set;
  for (const branch of branches) kept = withoutBranch(kept, branch, 0) ?? emptySet;
  return kept;
}

function withoutBranch(set: FieldSet, branch: readonly string[], at: number): FieldSet | undefined {
  const element = branch[at] ?? '';
  const child = set[element];
  if (child === undefined) return set;
  const { [element]: _, ...rest } = set;
  const reduced = at === branch.length - 1 ? undefined : withoutBranch(child, branch, at + 1);
  if (reduced !== undefined) return { ...rest, [element]: reduced };
  return isEmptySet(rest) ? undefined : rest;
}

/** The members as upstream prints them, sorted: `.spec.containers[name="a"].image`. */
export function formatPaths(set: FieldSet): string[] {
  const paths: string[] = [];
  const visit = (node: FieldSet, prefix: string): void => {
    for (const element of Object.keys(node).sort()) {
      const child = node[element];
      if (element === self || child === undefined) continue;
      const path = prefix + formatElement(element);
      if (isMember(child)) paths.push(path);
      visit(child, path);
    }
  };
  visit(set, '');
  return paths;
}

function formatElement(element: string): string {
  const value = element.slice(2);
  switch (element.slice(0, 2)) {
    case 'f:':
      return `.${value}`;
    case 'v:':
      return `[=${value}]`;
    case 'k:': {
      const key: unknown = JSON.parse(value);
      if (!isJsonObject(key)) return `[${value}]`;
      return `[${Object.keys(key)
        .map((name) => `${name}=${JSON.stringify(key[name])}`)
        .join(',')}]`;
    }
    default:
      return `[${value}]`;
  }
}

/** Reads `fieldsV1` as a client sent it; undefined for what is not a field set. */
export function readFieldSet(fieldsV1: unknown): FieldSet | undefined {
  return isFieldSet(fieldsV1) ? fieldsV1 : undefined;
}

function isFieldSet(value: unknown): value is FieldSet {
  if (!isJsonObject(value)) return false;
  for (const element in value) {
    if (element !== self && !/^(?:f:|v:|i:\d|k:\{)/.test(element)) return false;
    if (!isFieldSet(value[element])) return false;
  }
  return true;
}
