import type { ResourceDefinition } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { badRequest } from '../../machinery/status-error.ts';
import { type IncludedObject, partialMetadata, type TableOptions, tableOf, tableRow } from '../table/table.ts';
import type { ObjectForm } from '../watch-cache/watch-frame.ts';
import type { Accepted } from './media-type.ts';

/** An ObjectForm that also knows how items stand in a list of its kind. */
export interface RowForm extends ObjectForm {
  readonly table: TableOptions | undefined;
  /** The item of a list; undefined as `encode`. */
  readonly encodeItem: ((object: UnknownObject) => string) | undefined;
}

/** How objects of a row are written for a client that accepts this. */
export function formOf(
  row: ResourceDefinition,
  accepted: Accepted,
  query: URLSearchParams,
  clock: () => number,
): RowForm {
  const conversion = row.storedAs;
  const converted = (object: UnknownObject) => (conversion === undefined ? object : conversion.fromStored(object));
  const { as, metaVersion } = accepted;
  if (as === 'Table') {
    const include = includeObjectOf(query);
    const table = { metaVersion, include, now: clock() };
    return {
      id: `Table ${metaVersion} ${include} ${row.version} ${row.group}`,
      table,
      encode: (object) => tableOf(row, { ...table, now: clock() }, converted(object)),
      encodeItem: (object) => tableRow(row, table, converted(object)),
    };
  }
  if (as === 'PartialObjectMetadata') {
    const encode = (object: UnknownObject) => JSON.stringify(partialMetadata(object, metaVersion));
    return { id: `Partial ${metaVersion}`, table: undefined, encode, encodeItem: encode };
  }
  if (conversion === undefined) return plainForm;
  const encode = (object: UnknownObject) => JSON.stringify(converted(object));
  return { id: `${row.group}/${row.version}`, table: undefined, encode, encodeItem: encode };
}

export const plainForm: RowForm = { id: '', table: undefined, encode: undefined, encodeItem: undefined };

function includeObjectOf(query: URLSearchParams): IncludedObject {
  const value = query.get('includeObject') ?? '';
  if (value === '' || value === 'Metadata') return 'Metadata';
  if (value === 'None' || value === 'Object') return value;
  throw badRequest(`unrecognized includeObject value: "${value}"`);
}
