import type { ResourceDefinition } from '../../api/resource.ts';
import { everyField, type FieldRequirement, type FieldSelector } from '../../machinery/fields.ts';
import { type Requirement, type Selector, selectEverything } from '../../machinery/labels.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { badRequest } from '../../machinery/status-error.ts';
import type { CacheEntry } from './cache-entry.ts';

/** Which objects of a resource a list, watch or collection delete is about. */
export class Selection {
  /** `''`: all namespaces. */
  readonly namespace: string;
  /** Set when a field selector asks for one name. */
  readonly name: string | undefined;
  readonly labels: Selector;
  readonly fields: readonly FieldRequirement[];
  /** Requirements that `matches` says nothing of: the object must be converted first, see `matchesConverted`. */
  readonly later: readonly FieldRequirement[];
  /** Nothing but the namespace restricts it. */
  readonly whole: boolean;
  readonly #row: ResourceDefinition;
  readonly #tests: readonly ((entry: CacheEntry) => boolean)[];

  /** Throws 400 for a field the row does not select by. */
  constructor(
    row: ResourceDefinition,
    namespace: string,
    labels: Selector = selectEverything,
    fields: FieldSelector = everyField,
  ) {
    this.#row = row;
    let inNamespace = namespace;
    for (const { path, operator, value } of fields.requirements) {
      if (path === 'metadata.namespace' && operator === '=' && namespace === '' && row.namespaced) inNamespace = value;
    }
    this.namespace = inNamespace;
    this.labels = labels;
    this.fields = fields.requirements;
    this.name = fields.requirements.find(({ path, operator }) => path === 'metadata.name' && operator === '=')?.value;
    this.later = fields.requirements.filter((requirement) => this.#isLater(requirement));
    this.#tests = fields.requirements
      .filter((requirement) => !this.later.includes(requirement))
      .map((requirement) => this.#testOf(requirement));
    this.whole = labels.empty && fields.requirements.length === 0;
  }

  /** What every key in question starts with. */
  get keyPrefix(): string {
    return this.namespace === '' ? '' : `${this.namespace}/`;
  }

  /** The only key in question, when there is only one. */
  get onlyKey(): string | undefined {
    if (this.name === undefined) return undefined;
    if (!this.#row.namespaced) return this.name;
    return this.namespace === '' ? undefined : `${this.namespace}/${this.name}`;
  }

  /** Requirements an index can answer: a label or stored field that has one certain value. */
  *indexable(): Iterable<{ kind: 'label' | 'field'; path: string; values: readonly string[] }> {
    for (const { path, operator, value } of this.fields) {
      if (operator === '=' && this.#fieldIndex(path) >= 0) yield { kind: 'field', path, values: [value] };
    }
    for (const requirement of this.labels.requirements) {
      if (isEquality(requirement)) yield { kind: 'label', path: requirement.key, values: requirement.values };
    }
  }

  /** A stored field that must have one certain value. */
  get fieldEquality(): { readonly index: number; readonly value: string } | undefined {
    for (const { path, operator, value } of this.fields) {
      const index = operator === '=' ? this.#fieldIndex(path) : -1;
      if (index >= 0) return { index, value };
    }
    return undefined;
  }

  matches(entry: CacheEntry): boolean {
    if (this.namespace !== '' && entry.namespace !== this.namespace) return false;
    if (this.whole) return true;
    for (const test of this.#tests) if (!test(entry)) return false;
    return this.labels.matches(entry.labels);
  }

  /** Whether an object in the row's version holds what is left for later. */
  matchesConverted(object: UnknownObject): boolean {
    return this.later.every(({ path, operator, value }) => {
      const found = this.#row.selectableFields[path]?.(object) ?? '';
      return (found === value) === (operator === '=');
    });
  }

  /** A field of an object that a webhook converts. */
  #isLater({ path }: FieldRequirement): boolean {
    return this.#row.storedAs?.prepare !== undefined && Object.hasOwn(this.#row.selectableFields, path);
  }

  #testOf({ path, operator, value }: FieldRequirement): (entry: CacheEntry) => boolean {
    const wanted = operator === '=';
    if (path === 'metadata.name') return (entry) => (entry.name === value) === wanted;
    if (path === 'metadata.namespace') return (entry) => (entry.namespace === value) === wanted;
    const index = this.#fieldIndex(path);
    if (index >= 0) return (entry) => (entry.fields[index] === value) === wanted;
    const fieldValue = Object.hasOwn(this.#row.selectableFields, path) ? this.#row.selectableFields[path] : undefined;
    const conversion = this.#row.storedAs;
    if (fieldValue === undefined || conversion === undefined) {
      throw badRequest(`field label not supported: ${path}`);
    }
    return (entry) => (fieldValue(conversion.fromStored(entry.object)) === value) === wanted;
  }

  /** Where entries hold this field; -1 for one that must be computed from the converted object, or is not known. */
  #fieldIndex(path: string): number {
    return this.#row.storedAs === undefined ? Object.keys(this.#row.selectableFields).indexOf(path) : -1;
  }
}

function isEquality({ operator }: Requirement): boolean {
  return operator === '=' || operator === '==' || operator === 'in';
}
