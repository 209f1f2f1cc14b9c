/** What one run of a probe says. `error`: the probe itself could not be made, which changes nothing. */
export interface ProbeOutcome {
  readonly result: 'success' | 'failure' | 'error';
  /** For the Event. */
  readonly output: string;
}
