/** One line a step, with the seconds it took. */
export class Progress {
  #since = performance.now();

  /** Something worth knowing while a step is under way. */
  say(line: string): void {
    console.log(`  .  ${line}`);
  }

  done(line: string): void {
    const now = performance.now();
    console.log(`  ok ${line.padEnd(64)} ${((now - this.#since) / 1000).toFixed(1).padStart(6)} s`);
    this.#since = now;
  }
}
