import type { VersionSchema } from './conversion.ts';
import type { CompiledRules } from './rules.ts';

/** Compiles the rules of a schema; undefined when it has none. */
export async function compileRules({ root }: VersionSchema): Promise<CompiledRules | undefined> {
  if (!root.hasRules) return undefined;
  return undefined;
}
