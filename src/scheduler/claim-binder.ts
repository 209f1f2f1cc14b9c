import { setTimeout as delay } from 'node:timers/promises';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../api/core/v1/types.generated.ts';
import {
  bindCompleted,
  boundByController,
  claimReferenceTo,
  isKeptFor,
  nodeSelectedFor,
  selectedNode,
} from '../api/core/v1/volume-match.ts';
import { persistentVolumeClaims, persistentVolumes } from '../api/resource-types.ts';
import type { Client, Lister } from '../client/contract.ts';
import { objectKey } from '../machinery/meta.ts';
import type { BindingChoice, ClaimBinder } from './plugins/volume-binding.ts';

/** As upstream's bindTimeoutSeconds. */
const timeoutMs = 600_000;
const pollMs = 25;

export interface ClaimBinderOptions {
  readonly client: Client;
  readonly claims: Lister<PersistentVolumeClaim>;
  readonly now: () => number;
}

/**
 * Says on volumes and claims what was chosen, and waits for the controllers to carry it out: a volume is kept for its
 * claim, and a claim without one names the node on which its provisioner is to make it.
 */
export function createClaimBinder({ client, claims, now }: ClaimBinderOptions): ClaimBinder {
  return {
    async bind(choices, node, signal) {
      for (const { claim, volume } of choices) {
        if (volume !== undefined) await keep(client, volume, claim);
        else await select(client, claim, node);
      }
      const deadline = now() + timeoutMs;
      while (!choices.every(({ claim }) => isBound(claims.get(objectKey(claim))))) {
        const refused = choices.find((choice) => wasRefused(choice, claims));
        if (refused !== undefined) {
          throw new Error(`provisioning failed for PVC "${refused.claim.metadata.name}"`);
        }
        if (now() > deadline) throw new Error('timed out waiting for the condition');
        await delay(pollMs, undefined, { signal });
      }
    },
  };
}

async function keep(client: Client, volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
  if (isKeptFor(volume, claim)) return;
  const annotations = { ...volume.metadata.annotations, [boundByController]: 'yes' };
  await client.resource(persistentVolumes).update({
    ...volume,
    metadata: { ...volume.metadata, annotations },
    spec: { ...volume.spec, claimRef: claimReferenceTo(claim) },
  });
}

async function select(client: Client, claim: PersistentVolumeClaim, { metadata }: Node): Promise<void> {
  if (nodeSelectedFor(claim) === metadata.name) return;
  const annotations = { ...claim.metadata.annotations, [selectedNode]: metadata.name };
  await client.resource(persistentVolumeClaims).update({ ...claim, metadata: { ...claim.metadata, annotations } });
}

function isBound(claim: PersistentVolumeClaim | undefined): boolean {
  return (claim?.spec?.volumeName ?? '') !== '' && claim?.metadata.annotations?.[bindCompleted] !== undefined;
}

/** The provisioner took the node off again: it can make no volume there. Or the claim is gone. */
function wasRefused({ claim, volume }: BindingChoice, claims: Lister<PersistentVolumeClaim>): boolean {
  const current = claims.get(objectKey(claim));
  if (current === undefined || current.metadata.uid !== claim.metadata.uid) return true;
  if (volume !== undefined || isBound(current)) return false;
  // Until the cache shows the write, it says nothing of what came after.
  const isSeen = current.metadata.resourceVersion !== claim.metadata.resourceVersion;
  return isSeen && nodeSelectedFor(current) === undefined;
}
