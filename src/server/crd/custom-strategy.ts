import type { CustomResourceDefinition } from '../../api/apiextensions/v1/types.generated.ts';
import type { Strategy, UpdateStrategy } from '../../api/resource.ts';
import { keepAllBut, keepField } from '../../api/strategy.ts';
import { equal } from '../../machinery/json.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { apiError, type FieldError } from '../../machinery/status-error.ts';
import { applySchemaDefaults } from './defaulting.ts';
import type { CompiledRules } from './rules.ts';
import type { SchemaNode } from './schema-node.ts';
import { validateValue } from './value-validation.ts';

export interface CustomRules {
  /** Compiled when first asked for. */
  readonly root: SchemaNode;
  readonly rules: CompiledRules | undefined;
  readonly hasStatus: boolean;
  /** The definition as it is now: one that is being deleted takes no new objects. */
  definition(): CustomResourceDefinition | undefined;
}

/** What an error of these kinds leaves in the object, rules may not be able to read. */
const blocking: ReadonlySet<FieldError['type']> = new Set([
  'notSupported',
  'required',
  'tooLong',
  'tooMany',
  'typeInvalid',
]);

const rulesNotChecked: FieldError = {
  type: 'invalid',
  field: '<nil>',
  value: null,
  detail:
    'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};

type Forgiven = WeakMap<UnknownObject, readonly string[]>;

/** The rules for the object and for its status. */
export function customStrategies(custom: CustomRules): { main: Strategy; status: UpdateStrategy } {
  // What an update is forgiven is found while it is validated, and told afterwards.
  const forgiven: Forgiven = new WeakMap();
  return { main: mainStrategy(custom, forgiven), status: statusStrategy(custom, forgiven) };
}

function mainStrategy(custom: CustomRules, forgiven: Forgiven): Strategy {
  const { hasStatus } = custom;
  return {
    prepareForCreate(object) {
      if (custom.definition()?.metadata.deletionTimestamp !== undefined) {
        throw apiError(405, 'MethodNotAllowed', 'create not allowed while custom resource definition is terminating');
      }
      if (hasStatus) delete object['status'];
      object.metadata.generation = 1;
    },
    prepareForUpdate(object, old) {
      if (hasStatus) keepField(object, old, 'status');
      const before = old.metadata.generation ?? 0;
      object.metadata.generation = isSameContent(object, old, hasStatus) ? Math.max(before, 1) : before + 1;
    },
    applyDefaults(object) {
      applySchemaDefaults(object, custom.root);
    },
    validate: (object) => validateObject(custom, object, undefined, forgiven),
    validateUpdate: (object, old) => validateObject(custom, object, old, forgiven),
    warnings: (object) => [...(forgiven.get(object) ?? [])],
    allowCreateOnUpdate: false,
    allowUnconditionalUpdate: false,
    defaultPropagation: 'background',
  };
}

/** Writes of the status: the rest of the object stays, its rules hold all the same. */
function statusStrategy(custom: CustomRules, forgiven: Forgiven): UpdateStrategy {
  return {
    prepareForUpdate(object, old) {
      const { managedFields, resourceVersion } = object.metadata;
      keepAllBut(object, old, 'status');
      object.metadata = { ...old.metadata };
      if (managedFields !== undefined) object.metadata.managedFields = managedFields;
      if (resourceVersion !== undefined) object.metadata.resourceVersion = resourceVersion;
    },
    validateUpdate: (object, old) => validateObject(custom, object, old, forgiven),
  };
}

function validateObject(
  { root, rules }: CustomRules,
  object: UnknownObject,
  old: UnknownObject | undefined,
  forgiven: Forgiven,
): FieldError[] {
  const errors = validateValue(object, root, '', old);
  if (rules === undefined) return errors;
  if (errors.some(({ type }) => blocking.has(type))) return [...errors, rulesNotChecked];
  const found = rules.check(object, old);
  if (found.warnings.length > 0) forgiven.set(object, found.warnings);
  return [...errors, ...found.errors];
}

/** Everything but metadata, and but the status where it is written by itself. */
function isSameContent(object: UnknownObject, old: UnknownObject, hasStatus: boolean): boolean {
  const isContent = (name: string): boolean => name !== 'metadata' && !(hasStatus && name === 'status');
  const names = new Set([...Object.keys(object), ...Object.keys(old)].filter(isContent));
  for (const name of names) if (!equal(object[name], old[name])) return false;
  return true;
}
