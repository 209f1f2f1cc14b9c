import type { MutatingAdmissionPolicy, Mutation } from '../../../api/admissionregistration/v1/types.generated.ts';
import { as } from '../../../api/resource.ts';
import { clone, equal, isJsonObject, type JsonObject } from '../../../machinery/json.ts';
import { mergeConfiguration } from '../../../machinery/managed-fields/merge-configuration.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { applyJsonPatch } from '../../../machinery/patch/json.ts';
import type { Schema } from '../../../machinery/schema.ts';
import { forbidden, isApiError } from '../../../machinery/status-error.ts';
import { decodeFields } from '../../../machinery/unknown-fields.ts';
import { toJson } from '../../cel/json-values.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../request.ts';
import { replaceContents } from '../matching/conversion.ts';
import { type Expression, ExpressionCompiler } from './expressions.ts';
import { conditionsHold, evaluationFailure } from './match-conditions.ts';
import { PolicyContext, type PolicyNeeds } from './policy-context.ts';
import { type CompiledBinding, type CompiledPolicy, PolicySet } from './policy-set.ts';

interface CompiledMutation {
  readonly type: Mutation['patchType'];
  readonly expression: Expression;
}

interface Content {
  readonly variables: ExpressionCompiler['variables'];
  readonly conditions: readonly Expression[];
  readonly mutations: readonly CompiledMutation[];
  readonly reinvokes: boolean;
}

type Policy = CompiledPolicy<Content>;

/** Changes written as expressions. A policy sees what those before it made of the object. */
export function mutatingPolicies(needs: PolicyNeeds): { readonly plugin: AdmissionPlugin; close(): void } {
  const policies = new PolicySet('mutating', needs.objects, compileMutatingPolicy);
  const context = new PolicyContext(needs);

  const run = async (attributes: AdmissionAttributes, isSecondRound: boolean): Promise<boolean> => {
    const { object } = attributes;
    if (object === undefined) return false;
    const before = clone(object);
    for (const { policy, bindings } of policies.bound) {
      if (isSecondRound && !reinvokes(policy)) continue;
      if ((await context.match(policy.constraints, attributes)) === undefined) continue;
      for (const binding of bindings) {
        const { constraints } = binding;
        if (constraints !== undefined && (await context.match(constraints, attributes)) === undefined) continue;
        await mutate(context, { policy, binding, attributes, object });
      }
    }
    return !equal(before, object);
  };

  const plugin: AdmissionPlugin = {
    name: 'MutatingAdmissionPolicy',
    handles: (attributes) => policies.handle(attributes),
    async admit(attributes) {
      return (await run(attributes, false)) ? 'again' : undefined;
    },
    async admitAgain(attributes) {
      await run(attributes, true);
    },
  };
  return { plugin, close: () => policies.close() };
}

/** Throws an Error for an expression that cannot work. */
export function compileMutatingPolicy(object: UnknownObject): Content {
  const { spec } = as<MutatingAdmissionPolicy>(object);
  const compiler = new ExpressionCompiler('policy', spec.variables);
  return {
    variables: compiler.variables,
    conditions: (spec.matchConditions ?? []).map(({ expression }) => compiler.compileCondition(expression)),
    mutations: (spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) => ({
      type: patchType,
      expression: compiler.compile((applyConfiguration ?? jsonPatch)?.expression ?? ''),
    })),
    reinvokes: spec.reinvocationPolicy === 'IfNeeded',
  };
}

function reinvokes(policy: Policy): boolean {
  const { spec } = as<MutatingAdmissionPolicy>(policy.object);
  return spec.reinvocationPolicy === 'IfNeeded';
}

interface Case {
  readonly policy: Policy;
  readonly binding: CompiledBinding;
  readonly attributes: AdmissionAttributes;
  /** The request's own object, which is changed. */
  readonly object: UnknownObject;
}

async function mutate(context: PolicyContext, { policy, binding, attributes, object }: Case): Promise<void> {
  try {
    const content = policy.content();
    for (const params of context.params(policy.paramKind, binding, attributes)) {
      const shown = await context.shown(attributes, attributes);
      const more = { variables: content.variables, params };
      if (!(await conditionsHold(content.conditions, context.evaluation(attributes, shown, more)))) continue;
      for (const mutation of content.mutations) {
        // Each mutation reads what the one before it left.
        const value = await evaluate(mutation.expression, context.evaluation(attributes, shown, more));
        const changed = readBack(context, attributes, patched(context, attributes, mutation.type, object, value));
        replaceContents(object, changed);
      }
    }
  } catch (error) {
    if (isApiError(error)) throw error;
    if (policy.ignoresFailure) return;
    const why = error instanceof Error ? error.message : String(error);
    throw forbidden(
      attributes,
      attributes.name,
      `MutatingAdmissionPolicy '${policy.name}' with binding '${binding.name}' denied request: ${why}`,
    );
  }
}

async function evaluate(expression: Expression, evaluation: ReturnType<PolicyContext['evaluation']>): Promise<unknown> {
  try {
    return toJson(await evaluation.evaluate(expression));
  } catch (error) {
    throw evaluationFailure(expression, error);
  }
}

function patched(
  context: PolicyContext,
  { group, version, resource }: AdmissionAttributes,
  type: string,
  object: UnknownObject,
  value: unknown,
): UnknownObject {
  if (type === 'JSONPatch') {
    if (!Array.isArray(value)) throw new Error('type error: JSONPatch expression must evaluate to a list of JSONPatch');
    return applyOperations(object, value.map(operationOf));
  }
  if (!isJsonObject(value)) throw new Error('type error: ApplyConfiguration expression must evaluate to an Object');
  const row = context.rows.find(group, version, resource);
  if (row === undefined) throw new Error(`no schema of ${resource} is known`);
  const metadata = isJsonObject(value['metadata']) ? value['metadata'] : {};
  for (const field of ['name', 'namespace', 'uid', 'managedFields']) {
    if (field in metadata) throw new Error(`metadata.${field} may not be set by an apply configuration`);
  }
  const atomic = atomicPaths(value, row.schema, '');
  if (atomic.length > 0) {
    throw new Error(`invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomic.join(', ')}`);
  }
  return mergeConfiguration(object as unknown as JsonObject, value, row.schema) as UnknownObject;
}

/** What an apply would replace as a whole although the expression may know but a part of it. */
function atomicPaths(value: unknown, schema: Schema, path: string): string[] {
  if (Array.isArray(value)) {
    if (schema.type !== 'list') return [];
    if (schema.listType === 'atomic') return [path];
    return value.flatMap((item) => atomicPaths(item, schema.items, path));
  }
  if (!isJsonObject(value)) return [];
  if (schema.type === 'map') {
    if (schema.atomic) return [path];
    return Object.entries(value).flatMap(([key, member]) => atomicPaths(member, schema.values, `${path}.${key}`));
  }
  if (schema.type !== 'struct') return [];
  if (schema.atomic) return [path];
  return Object.entries(value).flatMap(([name, member]) => {
    const field = schema.fields.get(name);
    if (field === undefined) return [];
    const isWhole = field.atomic === true && typeof member === 'object' && member !== null;
    return isWhole ? [`${path}.${name}`] : atomicPaths(member, field.schema, `${path}.${name}`);
  });
}

function applyOperations(object: UnknownObject, operations: readonly JsonObject[]): UnknownObject {
  try {
    return applyJsonPatch(clone(object), operations);
  } catch (error) {
    // The first line says what does not fit; the rest is the whole document.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new Error(`JSON Patch: ${cause.split('\n')[0] ?? ''}`, { cause: error });
  }
}

/** Fields that an expression did not set are not there at all. */
function operationOf(value: unknown): JsonObject {
  const { op, path, from, value: given } = isJsonObject(value) ? value : {};
  return {
    op,
    path,
    ...(from === undefined || from === '' ? {} : { from }),
    ...(given === undefined ? {} : { value: given }),
  };
}

/** What a mutation left is an object like one that a client sent: decoded and defaulted. */
function readBack(context: PolicyContext, attributes: AdmissionAttributes, changed: UnknownObject): UnknownObject {
  const { group, version, resource, kind } = attributes;
  const row = context.rows.find(group, version, resource);
  if (row === undefined || row.kind !== kind) return changed;
  const [typeError] = decodeFields(changed, row.schema).typeErrors;
  if (typeError !== undefined) throw new Error(typeError);
  row.strategy.applyDefaults(changed);
  return changed;
}
