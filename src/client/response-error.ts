import type { Status } from '../machinery/meta-types.generated.ts';
import { type ApiError, apiError, ApiError as StatusError } from '../machinery/status-error.ts';
import type { RawResponse } from './contract.ts';

/** An error page longer than this is not a Status; the rest is not worth reading. */
const errorBodyBytesMax = 1024 * 1024;

/** Reads an answer that is not 2xx into an ApiError; makes one up from the code when no Status came. */
export async function errorOfResponse(response: RawResponse, doing: string): Promise<ApiError> {
  const text = await readText(response.body, errorBodyBytesMax);
  const status = parseStatus(text);
  if (status !== undefined) return new StatusError(status);
  const retryAfterSeconds = Number(response.headers['retry-after']);
  return apiError(
    response.status,
    reasonOfCode(response.status),
    `${doing}: the server answered ${response.status}${text === '' ? '' : `: ${text.trim().slice(0, 512)}`}`,
    Number.isFinite(retryAfterSeconds) && retryAfterSeconds > 0 ? { retryAfterSeconds } : undefined,
  );
}

/** Collects a body. Throws past `bytesMax`. */
export async function readText(body: AsyncIterable<Uint8Array>, bytesMax = Number.POSITIVE_INFINITY): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > bytesMax) throw apiError(500, 'InternalError', `the answer is longer than ${bytesMax} bytes`);
  }
  const [first] = chunks;
  if (first === undefined) return '';
  const whole = chunks.length === 1 ? first : Buffer.concat(chunks, length);
  return Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength).toString('utf8');
}

/** A Status that says Failure, or undefined. */
export function parseStatus(text: string): Status | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(text) as Partial<Status>;
    return value.kind === 'Status' && value.status !== 'Success' ? (value as Status) : undefined;
  } catch {
    // Not JSON after all: the caller words the error from the code.
    return undefined;
  }
}

function reasonOfCode(code: number): string {
  switch (code) {
    case 400:
      return 'BadRequest';
    case 401:
      return 'Unauthorized';
    case 403:
      return 'Forbidden';
    case 404:
      return 'NotFound';
    case 409:
      return 'Conflict';
    case 410:
      return 'Gone';
    case 422:
      return 'Invalid';
    case 429:
      return 'TooManyRequests';
    case 503:
      return 'ServiceUnavailable';
    case 504:
      return 'Timeout';
    default:
      return code >= 500 ? 'InternalError' : 'Unknown';
  }
}
