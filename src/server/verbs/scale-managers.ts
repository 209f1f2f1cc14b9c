import { difference, type FieldSet, intersection, isEmptySet, leaf } from '../../machinery/managed-fields/field-set.ts';
import { isSameManager, type Manager, readManagers, writeManagers } from '../../machinery/managed-fields/managers.ts';
import type { ManagedFieldsEntry } from '../../machinery/meta-types.generated.ts';

export interface ReplicasOwnership {
  /** Where the object has its replicas: `spec.replicas`. */
  readonly replicasPath: string;
  /** Of the object, `apps/v1`. */
  readonly apiVersion: string;
}

const scaleVersion = 'autoscaling/v1';
const replicasOfScale = pathSet('spec.replicas');

/** The owners of a Scale: those who own the replicas of its object (managedfields.ScaleHandler.ToSubresource). */
export function scaleEntries(
  parent: readonly ManagedFieldsEntry[] | undefined,
  { replicasPath }: ReplicasOwnership,
): ManagedFieldsEntry[] {
  const path = pathSet(replicasPath);
  const owners = (readManagers(parent) ?? []).filter(({ fields }) => ownsAny(fields, path));
  return writeManagers(owners.map((owner) => ({ ...owner, apiVersion: scaleVersion, fields: replicasOfScale })));
}

/**
 * The owners of the object after its Scale was written (ScaleHandler.ToParent): who lost the replicas loses them here,
 * who gained them has an entry for them alone.
 */
export function parentEntries(
  parent: readonly ManagedFieldsEntry[] | undefined,
  scale: readonly ManagedFieldsEntry[] | undefined,
  { replicasPath, apiVersion }: ReplicasOwnership,
): ManagedFieldsEntry[] {
  const path = pathSet(replicasPath);
  const gained = new Set(readManagers(scale) ?? []);
  const kept: Manager[] = [];
  for (const owner of readManagers(parent) ?? []) {
    if (!ownsAny(owner.fields, path)) {
      kept.push(owner);
      continue;
    }
    const asScale = { ...owner, apiVersion: scaleVersion };
    const still = [...gained].find((candidate) => isSameManager(candidate, asScale));
    if (still === undefined) kept.push({ ...owner, fields: difference(owner.fields, path) });
    else {
      gained.delete(still);
      kept.push(owner);
    }
  }
  for (const owner of gained) kept.push({ ...owner, apiVersion, fields: path });
  return writeManagers(kept);
}

function ownsAny(fields: FieldSet, path: FieldSet): boolean {
  return !isEmptySet(intersection(fields, path));
}

function pathSet(path: string): FieldSet {
  return path.split('.').reduceRight<FieldSet>((below, name) => ({ [`f:${name}`]: below }), leaf);
}
