const brand = Symbol.for('roadstead.UserError');

/** Something the user can mend: the message says what is wrong and what to do. Exit 1, no stack. */
export class UserError extends Error {
  readonly [brand] = true;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UserError';
  }
}

export function isUserError(error: unknown): error is UserError {
  return typeof error === 'object' && error !== null && (error as { [brand]?: unknown })[brand] === true;
}
