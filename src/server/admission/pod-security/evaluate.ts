import { baselineChecks } from './baseline.ts';
import type { Check, CheckedPod, Violation } from './check.ts';
import type { LevelVersion } from './policy.ts';
import { restrictedChecks } from './restricted.ts';

/** Everything about the pod that the level does not allow, baseline first. */
export function evaluate({ level, minor }: LevelVersion, pod: CheckedPod): Violation[] {
  if (level === 'privileged') return [];
  const isInForce = ({ since = 0 }: Check): boolean => minor >= since;
  const restricted = level === 'restricted' ? restrictedChecks.filter(isInForce) : [];
  const replaced = new Set(restricted.map(({ replaces }) => replaces));
  const baseline = baselineChecks.filter((check) => isInForce(check) && !replaced.has(check.id));
  const violations: Violation[] = [];
  for (const check of [...baseline, ...restricted]) {
    const violation = check.run(pod, minor);
    if (violation !== undefined) violations.push(violation);
  }
  return violations;
}

/** `reason (detail), reason (detail)` */
export function formatViolations(violations: readonly Violation[]): string {
  return violations.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');
}

export function formatReasons(violations: readonly Violation[]): string {
  return violations.map(({ reason }) => reason).join(', ');
}
