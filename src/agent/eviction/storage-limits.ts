import type { Container, Pod } from '../../api/core/v1/types.generated.ts';
import { quantityToNumber } from '../../machinery/quantity.ts';

/** How a pod's use of the disk is measured, in bytes. */
export interface StorageReadings {
  emptyDir(volume: string): Promise<number>;
  /** What the container wrote over its image, and its log. */
  container(name: string): Promise<number>;
}

const resource = 'ephemeral-storage';

/** Why the pod must go for what it wrote, in upstream's words; undefined when it keeps to its limits. */
export async function storageExcess(pod: Pod, readings: StorageReadings): Promise<string | undefined> {
  return (await emptyDirExcess(pod, readings)) ?? (await ephemeralExcess(pod, readings));
}

async function emptyDirExcess(pod: Pod, readings: StorageReadings): Promise<string | undefined> {
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    const limit = emptyDir?.sizeLimit;
    if (limit === undefined || quantityToNumber(limit) === 0) continue;
    if ((await readings.emptyDir(name)) <= quantityToNumber(limit)) continue;
    return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
  }
  return undefined;
}

async function ephemeralExcess(pod: Pod, readings: StorageReadings): Promise<string | undefined> {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  if (!containers.some((container) => limitOf(container) !== undefined)) return undefined;
  const used = new Map<string, number>();
  for (const { name } of containers) used.set(name, await readings.container(name));
  const apps = pod.spec?.containers ?? [];
  if (apps.every((container) => limitOf(container) !== undefined)) {
    const limit = apps.reduce((sum, container) => sum + (limitOf(container) ?? 0), 0);
    if ((await podBytes(pod, used, readings)) > limit) {
      return `Pod ephemeral local storage usage exceeds the total limit of containers ${limitText(apps, limit)}. `;
    }
  }
  for (const container of containers) {
    const limit = limitOf(container);
    if (limit === undefined || (used.get(container.name) ?? 0) <= limit) continue;
    const text = container.resources?.limits?.[resource];
    return `Container ${container.name} exceeded its local ephemeral storage limit "${text}". `;
  }
  return undefined;
}

async function podBytes(pod: Pod, used: ReadonlyMap<string, number>, readings: StorageReadings): Promise<number> {
  let bytes = 0;
  for (const one of used.values()) bytes += one;
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    if (emptyDir !== undefined && emptyDir.medium !== 'Memory') bytes += await readings.emptyDir(name);
  }
  return bytes;
}

function limitOf(container: Container): number | undefined {
  const limit = container.resources?.limits?.[resource];
  return limit === undefined ? undefined : quantityToNumber(limit);
}

function limitText(containers: readonly Container[], bytes: number): string {
  const [only] = containers;
  return containers.length === 1 ? String(only?.resources?.limits?.[resource]) : String(bytes);
}
