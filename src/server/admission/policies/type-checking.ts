import type {
  ExpressionWarning,
  ValidatingAdmissionPolicy,
} from '../../../api/admissionregistration/v1/types.generated.ts';
import type { ResourceDefinition } from '../../../api/resource.ts';
import { formatGroupVersion } from '../../../machinery/meta.ts';
import { boolType, type CelType, stringType } from '../../cel/types.ts';
import type { RowCatalog } from '../../contract.ts';
import { ExpressionCompiler } from './expressions.ts';
import { objectTypeOf } from './schema-types.ts';

/** Kinds that one policy is checked against, as upstream. */
const kindsMax = 10;

/**
 * What is wrong with the expressions of a policy if objects are what their schemas say: told in the policy's status, since
 * a policy may well be about kinds that are not served yet.
 */
export function typeWarnings({ spec }: ValidatingAdmissionPolicy, rows: RowCatalog): ExpressionWarning[] {
  const byField = new Map<string, string[]>();
  for (const row of matchedRows(spec, rows)) {
    const prefix = `${formatGroupVersion(row)}, Kind=${row.kind}: `;
    for (const { field, problem } of problemsFor(spec, row)) {
      byField.set(field, [...(byField.get(field) ?? []), prefix + problem]);
    }
  }
  return [...byField].map(([fieldRef, warnings]) => ({ fieldRef, warning: warnings.join('\n') }));
}

/** Only what the rules name: wildcards may mean anything. */
function matchedRows({ matchConstraints }: ValidatingAdmissionPolicy['spec'], rows: RowCatalog): ResourceDefinition[] {
  const found = new Set<ResourceDefinition>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of matchConstraints?.resourceRules ?? []) {
    for (const group of apiGroups) {
      for (const version of apiVersions) {
        for (const resource of resources) {
          const row = rows.find(group, version, resource);
          if (row !== undefined) found.add(row);
        }
      }
    }
  }
  return [...found].slice(0, kindsMax);
}

function problemsFor(spec: ValidatingAdmissionPolicy['spec'], row: ResourceDefinition) {
  const problems: { field: string; problem: string }[] = [];
  const object = objectTypeOf(row.schema);
  const compiler = compilerFor(spec, object);
  if (compiler === undefined) return problems;
  const check = (field: string, source: string, result?: CelType): void => {
    try {
      compiler.compile(source, result);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      problems.push({ field, problem: text.replace(/^compilation failed: /, '') });
    }
  };
  spec.validations?.forEach(({ expression, messageExpression = '' }, index) => {
    check(`spec.validations[${index}].expression`, expression, boolType);
    if (messageExpression !== '') check(`spec.validations[${index}].messageExpression`, messageExpression, stringType);
  });
  return problems;
}

/** Undefined when already the variables do not fit: then everything that reads them is unknown too. */
function compilerFor(
  { variables }: ValidatingAdmissionPolicy['spec'],
  object: CelType,
): ExpressionCompiler | undefined {
  try {
    return new ExpressionCompiler('policy', variables, object);
  } catch {
    // They compile where nothing is known of types, or the policy would not have been stored.
    return undefined;
  }
}
