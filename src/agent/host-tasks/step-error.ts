/** A step cannot be done as it is written, or failed without a process: the message goes into the task's status. */
export class StepError extends Error {
  override readonly name = 'StepError';
}
