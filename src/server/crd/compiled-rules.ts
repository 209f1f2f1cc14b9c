import type { VersionSchema } from './conversion.ts';
import type { CompiledRules } from './rules.ts';

/** Compiles the rules of a schema; nothing of the evaluator is loaded before there are any. */
export async function compileRules({ root }: VersionSchema): Promise<CompiledRules | undefined> {
  if (!root.hasRules) return undefined;
  const { rulesOf } = await import('./rule-checks.ts');
  return rulesOf(root);
}
