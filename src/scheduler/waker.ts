/** Lets one loop sleep until there is work: `wake` ends the sleep under way, or the next one before it begins. */
export class Waker {
  #pending = false;
  #resume: (() => void) | undefined;

  wake(): void {
    this.#pending = true;
    this.#resume?.();
  }

  /** Resolves at `wake`, after `timeoutMs`, or when `signal` aborts. */
  async sleep(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#pending && !signal.aborted) await this.#untilResumed(timeoutMs, signal);
    this.#pending = false;
  }

  #untilResumed(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const resume = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', resume);
        this.#resume = undefined;
        resolve();
      };
      const timer = setTimeout(resume, timeoutMs);
      signal.addEventListener('abort', resume);
      this.#resume = resume;
    });
  }
}
