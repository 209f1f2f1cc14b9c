import { isApiError } from '../machinery/status-error.ts';

/** The server could not be asked: nothing is known, and what was known before still holds. */
export class ServerAwayError extends Error {
  override readonly name = 'ServerAwayError';
}

/** How long a question to the server may take, in ms, before the server counts as away. */
export const questionTimeoutMs = 10_000;

/** Whether a call failed because the server could not be reached or could not answer, rather than by its decision. */
export function isServerAway(error: unknown): boolean {
  if (error instanceof ServerAwayError) return true;
  return !isApiError(error) || error.code >= 500 || error.code === 429;
}

/** Asks the server something; a server that is away throws a ServerAwayError, a refusal is passed on as it is. */
export async function askServer<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await ask(AbortSignal.timeout(questionTimeoutMs));
  } catch (error) {
    if (!isServerAway(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new ServerAwayError(`the API server does not answer: ${why}`, { cause: error });
  }
}
