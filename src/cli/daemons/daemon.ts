import { pino } from 'pino';
import type { Logger } from '../../machinery/logger.ts';
import { UserError } from '../user-error.ts';

const levels = ['error', 'warn', 'info', 'debug'];

/** The log of a daemon: JSON lines on standard output. */
export function daemonLogger(name: string, level: string): Logger {
  if (!levels.includes(level)) throw new UserError(`"${level}" is not a log level; use one of ${levels.join(', ')}`);
  return pino({ name, level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
}

/**
 * Aborts at SIGTERM or SIGINT; a second signal ends the process at once. A promise nobody awaited is a bug: it is logged
 * and the process ends, for its state lies on disk and a restart is the one sure way back.
 */
export function shutdownSignal(logger: Logger): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(1);
      logger.info({ signal: name }, 'Stopping');
      controller.abort();
    });
  }
  process.on('unhandledRejection', (error) => {
    logger.error({ err: error }, 'Ended by a failure that nothing handled');
    process.exit(70);
  });
  return controller.signal;
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
