import type { Rejection } from './plugins/plugin.ts';
import type { Diagnosis } from './schedule.ts';

/** Upstream's FitError, which users and their tools know by heart: `0/3 nodes are available: 1 Too many pods, ...` */
export function failureMessage(diagnosis: Diagnosis, afterPreemption = ''): string {
  if (diagnosis.nodeCount === 0) return 'no nodes available to schedule pods';
  const suffix = afterPreemption === '' ? '' : ` ${afterPreemption}`;
  const { rejected } = diagnosis;
  if (rejected !== undefined) {
    return `0/${diagnosis.nodeCount} nodes are available: ${rejected.reasons.join(', ')}.${suffix}`;
  }
  const counts = countReasons(diagnosis.rejections.values());
  const unseen = diagnosis.nodeCount - diagnosis.rejections.size;
  if (unseen > 0) for (const reason of diagnosis.leftOut?.reasons ?? []) addReason(counts, reason, unseen);
  const reasons = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  const listed = reasons.length === 0 ? '' : ` ${reasons.join(', ')}.`;
  return `0/${diagnosis.nodeCount} nodes are available:${listed}${suffix}`;
}

function countReasons(rejections: Iterable<Rejection>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { reasons } of rejections) for (const reason of reasons) addReason(counts, reason, 1);
  return counts;
}

function addReason(counts: Map<string, number>, reason: string, count: number): void {
  counts.set(reason, (counts.get(reason) ?? 0) + count);
}
