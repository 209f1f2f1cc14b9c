import type { FieldError } from '../../machinery/status-error.ts';

/** The rules (`x-kubernetes-validations`) of one version of a definition, compiled. */
export interface CompiledRules {
  /** `old` on an update; `warnings` are what the object is forgiven because it was so before. */
  check(
    object: unknown,
    old: unknown,
  ): { readonly errors: readonly FieldError[]; readonly warnings: readonly string[] };
}
