/**
 * The log every part is given; pino satisfies it. Messages are constants in the past tense with a capital and no
 * period; what varies goes into fields, errors under `err`, objects as `namespace/name`.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: Record<string, unknown>): Logger;
}

const ignore = (): undefined => undefined;

/** Says nothing; for tests and for parts used as a library. */
export const silentLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  child: () => silentLogger,
};
