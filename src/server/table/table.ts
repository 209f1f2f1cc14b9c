import type { ResourceDefinition } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';

/** How much of each object a Table's row carries. */
export type IncludedObject = 'None' | 'Metadata' | 'Object';

export interface TableOptions {
  readonly metaVersion: 'v1' | 'v1beta1';
  readonly include: IncludedObject;
  readonly now: number;
}

/** The pieces of a meta.k8s.io Table, so that a list can be written row by row. */
export function tableHead(row: ResourceDefinition, { metaVersion }: TableOptions, metadata: object): string {
  const columnDefinitions = row.columns.map(({ name, type, format = '', description, priority }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
  const head = { kind: 'Table', apiVersion: `meta.k8s.io/${metaVersion}`, metadata, columnDefinitions };
  return `${JSON.stringify(head).slice(0, -1)},"rows":[`;
}

export const tableEnd = ']}';

export function tableRow(row: ResourceDefinition, options: TableOptions, object: UnknownObject): string {
  const cells = row.columns.map((column) => column.value(object, options.now));
  return JSON.stringify({ cells, ...includedObject(object, options) });
}

/** A Table of one object: the answer to a GET, and the object of a watch event. */
export function tableOf(row: ResourceDefinition, options: TableOptions, object: UnknownObject): string {
  const metadata = { resourceVersion: object.metadata.resourceVersion };
  return tableHead(row, options, metadata) + tableRow(row, options, object) + tableEnd;
}

export function partialMetadata(object: UnknownObject, metaVersion: string): object {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${metaVersion}`, metadata: object.metadata };
}

function includedObject(object: UnknownObject, { include, metaVersion }: TableOptions): { object?: object } {
  if (include === 'None') return {};
  return { object: include === 'Object' ? object : partialMetadata(object, metaVersion) };
}
