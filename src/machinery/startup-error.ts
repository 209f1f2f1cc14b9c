const brand = Symbol.for('roadstead.StartupError');

/**
 * Why a process cannot start with what it was given: a damaged file, a taken port, an option that makes no sense. The
 * message is one sentence that says what to do, so whoever started it prints that and no stack.
 */
export class StartupError extends Error {
  readonly [brand] = true;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartupError';
  }
}

export function isStartupError(error: unknown): error is StartupError {
  return typeof error === 'object' && error !== null && (error as { [brand]?: unknown })[brand] === true;
}
