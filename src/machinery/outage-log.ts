import type { Logger } from './logger.ts';

/** A failure that goes on is said again after this long, in ms. */
const repeatMs = 5 * 60_000;

/** Says once that something fails and once that it works again, however often it is tried meanwhile. */
export class OutageLog {
  readonly #logger: Logger;
  readonly #messages: { readonly failed: string; readonly recovered: string };
  #since: number | undefined;
  #saidAt = 0;
  #failures = 0;

  constructor(logger: Logger, messages: { failed: string; recovered: string }) {
    this.#logger = logger;
    this.#messages = messages;
  }

  failed(error: unknown, fields: Readonly<Record<string, unknown>> = {}): void {
    const now = Date.now();
    this.#since ??= now;
    this.#failures++;
    if (this.#failures > 1 && now - this.#saidAt < repeatMs) {
      this.#logger.debug({ ...fields, err: error }, this.#messages.failed);
      return;
    }
    this.#saidAt = now;
    // An outage is no bug of ours: its words say enough, a stack trace would only hide them.
    const why = error instanceof Error ? error.message : String(error);
    this.#logger.warn({ ...fields, why, failures: this.#failures }, this.#messages.failed);
  }

  succeeded(): void {
    if (this.#since === undefined) return;
    const seconds = Math.round((Date.now() - this.#since) / 1000);
    this.#logger.info({ seconds, failures: this.#failures }, this.#messages.recovered);
    this.#since = undefined;
    this.#failures = 0;
  }
}
