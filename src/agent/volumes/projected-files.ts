import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
} from '../../api/core/v1/types.generated.ts';
import { type DownwardFacts, podField, resourceField } from '../pods/downward-fields.ts';
import type { ProjectedFile } from './atomic-writer.ts';

const defaultMode = 0o644;

/** Where the contents of configMap, secret, downwardAPI and projected volumes come from. */
export interface ProjectionSources {
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
  token(source: ServiceAccountTokenProjection): Promise<string>;
  readonly facts: DownwardFacts;
}

type Files = Map<string, ProjectedFile>;

/** The files of the volume, or undefined when it is not of a projected kind. Throws with upstream's words. */
export async function projectedFiles(pod: Pod, volume: Volume, sources: ProjectionSources): Promise<Files | undefined> {
  const files: Files = new Map();
  if (volume.configMap !== undefined) {
    const { name = '', items, optional } = volume.configMap;
    await addConfigMap(files, { name, items, optional }, volume.configMap.defaultMode ?? defaultMode, sources);
  } else if (volume.secret !== undefined) {
    const { secretName: name = '', items, optional } = volume.secret;
    await addSecret(files, { name, items, optional }, volume.secret.defaultMode ?? defaultMode, sources);
  } else if (volume.downwardAPI !== undefined) {
    const mode = volume.downwardAPI.defaultMode ?? defaultMode;
    addDownward(files, pod, volume.downwardAPI.items ?? [], mode, sources.facts);
  } else if (volume.projected !== undefined) {
    await addProjected(files, pod, volume.projected, sources);
  } else return undefined;
  return files;
}

interface ObjectSource {
  readonly name: string;
  readonly items: KeyToPath[] | undefined;
  readonly optional: boolean | undefined;
}

async function addProjected(
  files: Files,
  pod: Pod,
  projected: NonNullable<Volume['projected']>,
  sources: ProjectionSources,
): Promise<void> {
  const mode = projected.defaultMode ?? defaultMode;
  for (const source of projected.sources ?? []) {
    if (source.configMap !== undefined) {
      const { name = '', items, optional } = source.configMap;
      await addConfigMap(files, { name, items, optional }, mode, sources);
    }
    if (source.secret !== undefined) {
      const { name = '', items, optional } = source.secret;
      await addSecret(files, { name, items, optional }, mode, sources);
    }
    if (source.downwardAPI !== undefined) addDownward(files, pod, source.downwardAPI.items ?? [], mode, sources.facts);
    if (source.serviceAccountToken !== undefined) {
      const content = Buffer.from(await sources.token(source.serviceAccountToken));
      files.set(source.serviceAccountToken.path, { content, ...tokenOwner(pod, mode) });
    }
  }
}

/** A token is its pod's alone: readable by the one user all containers run as, or by the pod's group. */
function tokenOwner(pod: Pod, mode: number): { mode: number; uid?: number } {
  const podContext = pod.spec?.securityContext;
  if (podContext?.fsGroup !== undefined) return { mode: 0o600 };
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const users = new Set(containers.map((one) => one.securityContext?.runAsUser ?? podContext?.runAsUser));
  const [uid] = users;
  return users.size === 1 && uid !== undefined ? { mode: 0o600, uid } : { mode };
}

async function addConfigMap(
  files: Files,
  source: ObjectSource,
  mode: number,
  sources: ProjectionSources,
): Promise<void> {
  const found = await sources.configMap(source.name);
  if (found === undefined) {
    if (source.optional === true) return;
    throw new Error(`configmap "${source.name}" not found`);
  }
  const data = new Map<string, Buffer>();
  for (const [key, value] of Object.entries(found.data ?? {})) data.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(found.binaryData ?? {})) data.set(key, Buffer.from(value, 'base64'));
  addKeys(files, data, source, mode, 'configmap references non-existent config key: ');
}

async function addSecret(files: Files, source: ObjectSource, mode: number, sources: ProjectionSources): Promise<void> {
  const found = await sources.secret(source.name);
  if (found === undefined) {
    if (source.optional === true) return;
    throw new Error(`secret "${source.name}" not found`);
  }
  const data = new Map<string, Buffer>();
  for (const [key, value] of Object.entries(found.data ?? {})) data.set(key, Buffer.from(value, 'base64'));
  addKeys(files, data, source, mode, 'references non-existent secret key: ');
}

function addKeys(
  files: Files,
  data: ReadonlyMap<string, Buffer>,
  { items, optional }: ObjectSource,
  mode: number,
  missing: string,
): void {
  if (items === undefined || items.length === 0) {
    for (const [key, content] of data) files.set(key, { content, mode });
    return;
  }
  for (const item of items) {
    const content = data.get(item.key);
    if (content === undefined) {
      if (optional === true) continue;
      throw new Error(missing + item.key);
    }
    files.set(item.path, { content, mode: item.mode ?? mode });
  }
}

function addDownward(
  files: Files,
  pod: Pod,
  items: readonly DownwardAPIVolumeFile[],
  mode: number,
  facts: DownwardFacts,
): void {
  for (const item of items) {
    const text =
      item.fieldRef !== undefined
        ? podField(pod, item.fieldRef.fieldPath, facts)
        : item.resourceFieldRef !== undefined
          ? resourceField(pod, item.resourceFieldRef, undefined, facts)
          : '';
    files.set(item.path, { content: Buffer.from(text), mode: item.mode ?? mode });
  }
}
