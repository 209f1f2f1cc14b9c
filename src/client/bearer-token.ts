import { readFile } from 'node:fs/promises';
import type { TransportOptions } from './transport-options.ts';

const tokenFileMaxAgeMs = 60_000;

/** The `Authorization` value to send now, or undefined when the connection identifies itself by certificate. */
export type Authorization = () => Promise<string | undefined>;

export function bearerAuthorization({ token, tokenFile }: TransportOptions): Authorization {
  if (tokenFile === undefined) {
    const fixed = Promise.resolve(token === undefined ? undefined : `Bearer ${token}`);
    return () => fixed;
  }
  return fileAuthorization(tokenFile);
}

function fileAuthorization(path: string): Authorization {
  let value: string | undefined;
  let readAt = 0;
  return async () => {
    if (value !== undefined && Date.now() - readAt < tokenFileMaxAgeMs) return value;
    try {
      value = `Bearer ${(await readFile(path, 'utf8')).trim()}`;
      readAt = Date.now();
    } catch (error) {
      // A token that is being replaced may be missing for a moment; the last one is still good then.
      if (value === undefined) throw new Error(`Cannot read the token file "${path}"`, { cause: error });
    }
    return value;
  };
}
