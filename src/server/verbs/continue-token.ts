import { badRequest } from '../../machinery/status-error.ts';

/** Where a chunked list goes on, in upstream's encoding. */
export interface ContinueToken {
  /** -1: whatever is there now. */
  readonly revision: number;
  /** The last key that was sent. */
  readonly after: string;
}

export function encodeContinue({ revision, after }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: `${after}\u0000` })).toString(
    'base64url',
  );
}

/** Throws 400. */
export function decodeContinue(text: string): ContinueToken {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>;
    if (v === 'meta.k8s.io/v1' && typeof rv === 'number' && typeof start === 'string') {
      return { revision: rv, after: start.endsWith('\u0000') ? start.slice(0, -1) : start };
    }
  } catch (error) {
    throw badRequest(`continue key is not valid: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw badRequest('continue key is not valid: incorrect encoded start resourceVersion');
}
