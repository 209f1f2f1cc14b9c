import type { PersistentVolume, PersistentVolumeClaim } from '../../api/core/v1/types.generated.ts';
import { bindCompleted, boundByController, claimReferenceTo, isKeptFor } from '../../api/core/v1/volume-match.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../api/resource-types.ts';
import type { Client } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { objectKey } from '../../machinery/meta.ts';
import { rfc3339 } from '../../machinery/time.ts';
import type { WrittenVersions } from '../written-versions.ts';

/** Writes what a claim and a volume say of each other, in the order in which a stop in between can be mended. */
export class BindingWriter {
  private readonly client: Client;
  private readonly written: WrittenVersions;

  constructor(client: Client, written: WrittenVersions) {
    this.client = client;
    this.written = written;
  }

  /** The volume first: of two claims that want it, the one whose write comes first has it. */
  async bind(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<PersistentVolumeClaim> {
    const kept = await this.keepVolume(volume, claim);
    await this.setVolumePhase(kept, 'Bound');
    const named = await this.nameVolume(claim, kept);
    const status = {
      ...named.status,
      phase: 'Bound',
      accessModes: kept.spec?.accessModes ?? [],
      // A claim that is bound already may be waiting for its volume to grow.
      capacity: named.status?.phase === 'Bound' ? (named.status.capacity ?? {}) : { ...kept.spec?.capacity },
    };
    return this.setClaimStatus(named, status);
  }

  async setClaimStatus(
    claim: PersistentVolumeClaim,
    status: NonNullable<PersistentVolumeClaim['status']>,
  ): Promise<PersistentVolumeClaim> {
    if (equal(claim.status, status)) return claim;
    return this.noteClaim(await this.client.resource(persistentVolumeClaims).updateStatus({ ...claim, status }));
  }

  async setClaimPhase(claim: PersistentVolumeClaim, phase: string): Promise<void> {
    if (claim.status?.phase === phase) return;
    const { accessModes: _modes, capacity: _capacity, ...rest } = claim.status ?? {};
    await this.setClaimStatus(claim, { ...rest, phase });
  }

  async updateClaim(claim: PersistentVolumeClaim): Promise<PersistentVolumeClaim> {
    return this.noteClaim(await this.client.resource(persistentVolumeClaims).update(claim));
  }

  async updateVolume(volume: PersistentVolume): Promise<PersistentVolume> {
    return this.noteVolume(await this.client.resource(persistentVolumes).update(volume));
  }

  async setVolumePhase(volume: PersistentVolume, phase: string, message?: string): Promise<PersistentVolume> {
    const { status } = volume;
    // What others say of a volume in its phase is theirs.
    if (status?.phase === phase && (message === undefined || status.message === message)) return volume;
    const changed = {
      phase,
      ...(message === undefined ? {} : { message }),
      lastPhaseTransitionTime: status?.phase === phase ? (status.lastPhaseTransitionTime ?? '') : rfc3339(Date.now()),
    };
    return this.noteVolume(await this.client.resource(persistentVolumes).updateStatus({ ...volume, status: changed }));
  }

  /** Frees the volume of a claim that the binder itself had given it to, or only of that claim's uid otherwise. */
  async unbind(volume: PersistentVolume): Promise<void> {
    const { claimRef: _reference, ...spec } = volume.spec ?? {};
    const { [boundByController]: _bound, ...annotations } = volume.metadata.annotations ?? {};
    const free = await this.updateVolume({ ...volume, metadata: { ...volume.metadata, annotations }, spec });
    await this.setVolumePhase(free, 'Available');
  }

  private async keepVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<PersistentVolume> {
    const { uid, resourceVersion } = claim.metadata;
    if (volume.spec?.claimRef?.uid === uid && uid !== undefined) return volume;
    const claimRef = { ...claimReferenceTo(claim), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    const annotations = isKeptFor(volume, claim)
      ? volume.metadata.annotations
      : { ...volume.metadata.annotations, [boundByController]: 'yes' };
    const metadata = { ...volume.metadata, ...(annotations === undefined ? {} : { annotations }) };
    return this.updateVolume({ ...volume, metadata, spec: { ...volume.spec, claimRef } });
  }

  private async nameVolume(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<PersistentVolumeClaim> {
    const { annotations = {} } = claim.metadata;
    const isNamed = claim.spec?.volumeName === volume.metadata.name;
    if (isNamed && annotations[bindCompleted] !== undefined) return claim;
    return this.updateClaim({
      ...claim,
      metadata: {
        ...claim.metadata,
        annotations: { ...annotations, [bindCompleted]: 'yes', ...(isNamed ? {} : { [boundByController]: 'yes' }) },
      },
      spec: { ...claim.spec, volumeName: volume.metadata.name },
    });
  }

  private noteClaim(claim: PersistentVolumeClaim): PersistentVolumeClaim {
    this.written.wrote(`claim/${objectKey(claim)}`, claim);
    return claim;
  }

  private noteVolume(volume: PersistentVolume): PersistentVolume {
    this.written.wrote(`volume/${volume.metadata.name}`, volume);
    return volume;
  }
}
