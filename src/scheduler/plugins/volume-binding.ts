import { termMatchesNode } from '../../api/core/v1/node-selector.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../api/core/v1/types.generated.ts';
import { classOfClaim, findVolume, nodeSelectedFor, noProvisioner } from '../../api/core/v1/volume-match.ts';
import type { StorageClass } from '../../api/storage/v1/types.generated.ts';
import type { Lister } from '../../client/contract.ts';
import type { Plugin, Rejection } from './plugin.ts';

export interface VolumeListers {
  readonly claims: Lister<PersistentVolumeClaim>;
  readonly volumes: Lister<PersistentVolume>;
  readonly classes: Lister<StorageClass>;
}

/** Has claims bound for a node that was chosen; `bind` resolves when all are. */
export interface ClaimBinder {
  bind(claims: readonly BindingChoice[], node: Node, signal: AbortSignal): Promise<void>;
}

/** What a claim is to be met with: a volume that is there, or one made for it on the node. */
export interface BindingChoice {
  readonly claim: PersistentVolumeClaim;
  readonly volume: PersistentVolume | undefined;
}

const elsewhere: Rejection = { reasons: ["node(s) didn't match PersistentVolume's node affinity"], resolvable: false };
const volumeMissing: Rejection = {
  reasons: ['node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'],
  resolvable: false,
};
const noVolume: Rejection = {
  reasons: ["node(s) didn't find available persistent volumes to bind"],
  resolvable: false,
};

/**
 * A pod waits for its claims to exist and to be bound, and goes only where their volumes can be reached. For claims of a
 * class that binds on first use the node must have a volume, or a way to make one; `binder` sees to it once the node is
 * chosen.
 */
export function volumeBinding(listers: VolumeListers, binder: ClaimBinder): Plugin {
  return {
    name: 'VolumeBinding',
    retryOn: new Set(['nodeAdded', 'nodeLabelsChanged', 'storageChanged']),
    prepareFilter({ pod }) {
      const names = claimNames(pod);
      if (names.length === 0) return undefined;
      const found = findClaims(pod, names, listers);
      if (typeof found === 'string') {
        const rejected: Rejection = { reasons: [found], resolvable: false };
        return { rejected, filter: () => rejected };
      }
      const bound = found.flatMap(({ spec }) =>
        isBound(spec?.volumeName) ? [listers.volumes.get(spec.volumeName)] : [],
      );
      const unbound = found.filter(({ spec }) => !isBound(spec?.volumeName));
      return {
        filter({ node }) {
          for (const volume of bound) {
            if (volume === undefined) return volumeMissing;
            const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
            if (terms === undefined || node === undefined) continue;
            if (!terms.some((term) => termMatchesNode(term, node))) return elsewhere;
          }
          if (node === undefined || unbound.length === 0) return undefined;
          return choose(unbound, node, listers) === undefined ? noVolume : undefined;
        },
      };
    },
    async preBind({ pod }, node, signal) {
      const names = claimNames(pod);
      if (names.length === 0) return;
      const found = findClaims(pod, names, listers);
      if (typeof found === 'string') throw new Error(found);
      const unbound = found.filter(({ spec }) => !isBound(spec?.volumeName));
      if (unbound.length === 0) return;
      const choices = choose(unbound, node, listers);
      if (choices === undefined) throw new Error("node(s) didn't find available persistent volumes to bind");
      await binder.bind(choices, node, signal);
    },
  };
}

/** A way to meet every claim on this node; undefined when there is none. */
function choose(
  claims: readonly PersistentVolumeClaim[],
  node: Node,
  { volumes, classes }: VolumeListers,
): BindingChoice[] | undefined {
  const taken = new Set<string>();
  const isReachable = (volume: PersistentVolume): boolean => reaches(volume, node);
  const choices: BindingChoice[] = [];
  for (const claim of claims) {
    const volume = findVolume(claim, volumes.list(), { isReachable, waitsForPod: true, taken });
    if (volume !== undefined) taken.add(volume.metadata.name);
    else if (!canProvision(claim, classes.get(classOfClaim(claim) ?? ''), node)) return undefined;
    choices.push({ claim, volume });
  }
  return choices;
}

function reaches({ spec }: PersistentVolume, node: Node): boolean {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => termMatchesNode(term, node));
}

function canProvision(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined, node: Node): boolean {
  if (storageClass === undefined || storageClass.provisioner === noProvisioner) return false;
  const chosen = nodeSelectedFor(claim);
  if (chosen !== undefined && chosen !== node.metadata.name) return false;
  const topologies = storageClass.allowedTopologies ?? [];
  if (topologies.length === 0) return true;
  return topologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => values.includes(node.metadata.labels?.[key] ?? '')),
  );
}

function findClaims(pod: Pod, names: readonly string[], listers: VolumeListers): PersistentVolumeClaim[] | string {
  const claims: PersistentVolumeClaim[] = [];
  for (const name of names) {
    const claim = listers.claims.get(`${pod.metadata.namespace}/${name}`);
    if (claim === undefined) return `persistentvolumeclaim "${name}" not found`;
    if (claim.status?.phase === 'Lost') {
      return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`;
    }
    if (claim.metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
    claims.push(claim);
  }
  const waiting = claims.some((claim) => !isBound(claim.spec?.volumeName) && !bindsOnFirstUse(claim, listers));
  return waiting ? 'pod has unbound immediate PersistentVolumeClaims' : claims;
}

function bindsOnFirstUse(claim: PersistentVolumeClaim, { classes }: VolumeListers): boolean {
  return classes.get(classOfClaim(claim) ?? '')?.volumeBindingMode === 'WaitForFirstConsumer';
}

function isBound(volumeName: string | undefined): volumeName is string {
  return volumeName !== undefined && volumeName !== '';
}

/** Also those that are made for the pod from its own template. */
export function claimNames(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => claimNameOf(pod, volume));
}

function claimNameOf(pod: Pod, { name, persistentVolumeClaim, ephemeral }: Volume): string[] {
  if (persistentVolumeClaim !== undefined) return [persistentVolumeClaim.claimName];
  return ephemeral === undefined ? [] : [`${pod.metadata.name}-${name}`];
}
