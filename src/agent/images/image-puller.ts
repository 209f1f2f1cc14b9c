import type { Container, Pod, Secret } from '../../api/core/v1/types.generated.ts';
import type { EventRecorder } from '../../client/contract.ts';
import { goDuration, RestartBackoff } from '../pods/restart-backoff.ts';
import { type ContainerRuntime, RuntimeError, type RuntimeImage } from '../runtime/contract.ts';
import { credentialsFor } from './registry-credentials.ts';

const parallelPullsMax = 4;

/** The image is not there: `reason` and `message` are what the container's waiting state shows. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly reason: string;
  /** When it makes sense to try again, in ms from now. */
  readonly retryAfterMs: number;

  constructor(reason: string, message: string, retryAfterMs: number) {
    super(message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface ImagePullerOptions {
  readonly runtime: ContainerRuntime;
  readonly events: EventRecorder;
  readonly now: () => number;
}

/** Sees that a container's image is on the machine, by its pull policy, with back-off for pulls that fail. */
export class ImagePuller {
  readonly #runtime: ContainerRuntime;
  readonly #events: EventRecorder;
  readonly #now: () => number;
  readonly #backoff = new RestartBackoff();
  readonly #failures = new Map<string, { at: number; message: string }>();
  readonly #inFlight = new Map<string, Promise<string>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: ImagePullerOptions) {
    this.#runtime = options.runtime;
    this.#events = options.events;
    this.#now = options.now;
  }

  async ensure(
    pod: Pod,
    container: Container,
    pullSecrets: () => Promise<readonly Secret[]>,
    signal?: AbortSignal,
  ): Promise<RuntimeImage> {
    const image = container.image ?? '';
    const present = await this.#inspect(pod, image);
    const policy = container.imagePullPolicy ?? 'IfNotPresent';
    if (present !== undefined && policy !== 'Always') {
      this.#events.event(pod, 'Normal', 'Pulled', `Container image "${image}" already present on machine`);
      return present;
    }
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      this.#events.event(pod, 'Warning', 'ErrImageNeverPull', message);
      throw new ImageError('ErrImageNeverPull', message, 10_000);
    }
    await this.#pullWithBackoff(pod, image, pullSecrets, signal);
    const pulled = await this.#runtime.imageStatus(image);
    if (pulled === undefined) throw new ImageError('ErrImagePull', `image "${image}" is gone after its pull`, 10_000);
    return pulled;
  }

  forget(podUid: string): void {
    this.#backoff.forget(`${podUid}/`);
    for (const key of this.#failures.keys()) if (key.startsWith(`${podUid}/`)) this.#failures.delete(key);
  }

  async #inspect(pod: Pod, image: string): Promise<RuntimeImage | undefined> {
    try {
      return await this.#runtime.imageStatus(image);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code !== 'invalidImageName') throw error;
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
      this.#events.event(pod, 'Warning', 'InspectFailed', message);
      throw new ImageError('InvalidImageName', message, 60_000);
    }
  }

  async #pullWithBackoff(
    pod: Pod,
    image: string,
    pullSecrets: () => Promise<readonly Secret[]>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const key = `${pod.metadata.uid}/${image}`;
    const failure = this.#failures.get(key);
    const wait = failure === undefined ? 0 : this.#backoff.remainingMs(key, failure.at, this.#now());
    if (failure !== undefined && wait > 0) {
      const message = `Back-off pulling image "${image}"`;
      this.#events.event(pod, 'Normal', 'BackOff', message);
      throw new ImageError('ImagePullBackOff', `${message}: ErrImagePull: ${failure.message}`, wait);
    }
    this.#events.event(pod, 'Normal', 'Pulling', `Pulling image "${image}"`);
    const asked = this.#now();
    try {
      const credentials = credentialsFor(image, await pullSecrets());
      const started = { at: asked };
      await this.#pullOnce(image, credentials, started, signal);
      const ended = this.#now();
      const size = (await this.#runtime.imageStatus(image))?.sizeBytes ?? 0;
      const took = `${seconds(ended - started.at)} (${seconds(ended - asked)} including waiting)`;
      const message = `Successfully pulled image "${image}" in ${took}. Image size: ${size} bytes.`;
      this.#events.event(pod, 'Normal', 'Pulled', message);
      this.#failures.delete(key);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code === 'unavailable') throw error;
      const now = this.#now();
      this.#backoff.next(key, now, now);
      this.#failures.set(key, { at: now, message: error.message });
      this.#events.event(pod, 'Warning', 'Failed', `Failed to pull image "${image}": ${error.message}`);
      this.#events.event(pod, 'Warning', 'Failed', 'Error: ErrImagePull');
      throw new ImageError('ErrImagePull', error.message, this.#backoff.remainingMs(key, now, now));
    }
  }

  /** Pods that want the same image at the same time share one pull. */
  async #pullOnce(
    image: string,
    credentials: Parameters<ContainerRuntime['pullImage']>[1][],
    started: { at: number },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const known = this.#inFlight.get(image);
    if (known !== undefined && credentials.length === 0) {
      await known;
      return;
    }
    await this.#acquire();
    started.at = this.#now();
    const pull = this.#pull(image, credentials, signal);
    this.#inFlight.set(image, pull);
    try {
      await pull;
    } finally {
      this.#inFlight.delete(image);
      this.#release();
    }
  }

  async #pull(
    image: string,
    credentials: Parameters<ContainerRuntime['pullImage']>[1][],
    signal: AbortSignal | undefined,
  ): Promise<string> {
    let failure: unknown;
    for (const auth of credentials.length === 0 ? [undefined] : credentials) {
      try {
        return await this.#runtime.pullImage(image, auth, signal);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #acquire(): Promise<void> {
    if (this.#running >= parallelPullsMax) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
  }

  #release(): void {
    this.#running--;
    this.#waiting.shift()?.();
  }
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms}ms` : ms < 60_000 ? `${(ms / 1000).toFixed(3).replace(/\.?0+$/, '')}s` : goDuration(ms);
}
