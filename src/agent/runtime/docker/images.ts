import { type RegistryAuth, RuntimeError, type RuntimeImage } from '../contract.ts';
import type { EngineClient } from './engine-client.ts';
import type { EngineImage, EngineImageSummary } from './engine-types.ts';

/** `name[:tag][@digest]` with upstream's default tag. */
export function splitReference(image: string): { name: string; tag: string } {
  const at = image.indexOf('@');
  if (at >= 0) return { name: image.slice(0, at).replace(/:[^/:]*$/, ''), tag: image.slice(at + 1) };
  const colon = image.lastIndexOf(':');
  if (colon > image.lastIndexOf('/')) return { name: image.slice(0, colon), tag: image.slice(colon + 1) };
  return { name: image, tag: 'latest' };
}

export class EngineImages {
  readonly #engine: EngineClient;

  constructor(engine: EngineClient) {
    this.#engine = engine;
  }

  async list(): Promise<RuntimeImage[]> {
    const images = await this.#engine.json<EngineImageSummary[]>({ method: 'GET', path: '/images/json' });
    return images.map((image) => imageFrom(image));
  }

  async status(image: string): Promise<RuntimeImage | undefined> {
    try {
      const path = `/images/${encodeURIComponent(image)}/json`;
      const found = await this.#engine.json<EngineImage>({ method: 'GET', path });
      return imageFrom(found, found.Config);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      if (error.code === 'notFound') return undefined;
      if (error.message.includes('invalid reference format')) {
        throw new RuntimeError('invalidImageName', error.message, { cause: error });
      }
      throw error;
    }
  }

  async pull(image: string, auth: RegistryAuth | undefined, signal?: AbortSignal): Promise<string> {
    const { name, tag } = splitReference(image);
    const query = new URLSearchParams({ fromImage: name, tag });
    const path = `/images/create?${query}`;
    try {
      const body = await this.#engine.stream({ method: 'POST', path, headers: authHeader(auth), signal });
      await readPullProgress(body);
    } catch (error) {
      if (error instanceof RuntimeError && error.code !== 'unavailable') {
        throw new RuntimeError('imagePull', error.message, { cause: error });
      }
      throw error;
    }
    const found = await this.status(image);
    if (found === undefined) throw new RuntimeError('imagePull', `image "${image}" is not there after its pull`);
    return found.id;
  }

  async remove(image: string): Promise<void> {
    try {
      await this.#engine.send({ method: 'DELETE', path: `/images/${encodeURIComponent(image)}` });
    } catch (error) {
      if (!(error instanceof RuntimeError && error.code === 'notFound')) throw error;
    }
  }
}

/** Progress comes as one JSON object a line; a failure after the first byte comes the same way. */
async function readPullProgress(body: AsyncIterable<Buffer>): Promise<void> {
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) throwIfPullFailed(line);
  }
  throwIfPullFailed(rest);
}

function throwIfPullFailed(line: string): void {
  if (!line.includes('"error"')) return;
  const { error } = JSON.parse(line) as { error?: string };
  if (error !== undefined) throw new RuntimeError('imagePull', error);
}

function authHeader(auth: RegistryAuth | undefined): Record<string, string> {
  if (auth === undefined) return {};
  const text = JSON.stringify({
    username: auth.username,
    password: auth.password,
    serveraddress: auth.serverAddress,
  });
  return { 'x-registry-auth': Buffer.from(text).toString('base64url') };
}

function imageFrom(image: EngineImageSummary, config?: EngineImage['Config']): RuntimeImage {
  return {
    id: image.Id,
    repoTags: (image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>'),
    repoDigests: (image.RepoDigests ?? []).filter((digest) => digest !== '<none>@<none>'),
    sizeBytes: image.Size,
    user: config?.User ?? '',
    stopSignal: config?.StopSignal ?? '',
  };
}
