import type { Pod } from '../../api/core/v1/types.generated.ts';

export const completionIndexAnnotation = 'batch.kubernetes.io/job-completion-index';

export function indexOfPod({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[completionIndexAnnotation];
  const index = Number(text);
  return text === undefined || !Number.isInteger(index) ? undefined : index;
}

/** `1,3-5,7` */
export function parseIndexes(text: string): number[] {
  const indexes: number[] = [];
  for (const part of text.split(',')) {
    if (part === '') continue;
    const [from = 0, to = from] = part.split('-').map(Number);
    for (let index = from; index <= to; index++) indexes.push(index);
  }
  return indexes;
}

export function formatIndexes(indexes: Iterable<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end++;
    const [from, to] = [sorted[start], sorted[end]];
    // Two neighbours are written apart, as upstream does.
    if (end - start > 1) parts.push(`${from}-${to}`);
    else parts.push(...sorted.slice(start, end + 1).map(String));
    start = end + 1;
  }
  return parts.join(',');
}
