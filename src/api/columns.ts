import type { KubeObject, UnknownObject } from '../machinery/meta.ts';
import { ageOf } from '../machinery/time.ts';
import type { Column } from './resource.ts';

export type Cell = string | number | boolean | null;

interface ColumnOptions {
  /** Default `string`. */
  readonly type?: Column['type'];
  readonly description?: string;
  /** Shown only with `-o wide`. */
  readonly wide?: boolean;
}

/** A column whose cell reads the kind `T`; `name` doubles as the description unless one is given. */
export function column<T extends KubeObject>(
  name: string,
  value: (object: T, now: number) => Cell,
  options: ColumnOptions = {},
): Column {
  return {
    name,
    type: options.type ?? 'string',
    description: options.description ?? name,
    priority: options.wide === true ? 1 : 0,
    // The row's schema promises the kind; this is the one place where that promise is read.
    value: value as unknown as (object: UnknownObject, now: number) => Cell,
  };
}

export const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Unique within the namespace, or within the cluster for a kind without namespaces',
  priority: 0,
  value: (object) => object.metadata.name,
};

export const ageColumn: Column = {
  name: 'Age',
  type: 'string',
  description: 'Time since the object was created',
  priority: 0,
  value: (object, now) => ageCell(object.metadata.creationTimestamp, now),
};

/** Name and Age: what kubectl shows of a kind that says nothing. */
export const defaultColumns: readonly Column[] = [nameColumn, ageColumn];

/** How long ago a timestamp was, as kubectl prints ages; `<unknown>` without one. */
export function ageCell(timestamp: string | undefined | null, now: number): string {
  return ageOf(timestamp ?? undefined, now);
}
