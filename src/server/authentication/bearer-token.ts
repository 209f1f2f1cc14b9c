import type { IncomingHttpHeaders } from 'node:http';
import { unauthorized } from '../../machinery/status-error.ts';
import type { Authenticator, UserInfo } from '../request.ts';

/** Knows one kind of token. Undefined: not mine. Throws 401: mine, and bad. */
export interface TokenVerifier {
  verify(token: string, audiences?: readonly string[]): Promise<VerifiedToken | undefined>;
}

export interface VerifiedToken {
  readonly user: UserInfo;
  /** Those of the asked audiences that the token is for. */
  readonly audiences: readonly string[];
}

/** `Authorization: Bearer`, or the WebSocket subprotocol that browsers must use. A token nobody knows is 401. */
export function bearerTokenAuthenticator(verifiers: readonly TokenVerifier[]): Authenticator {
  return {
    name: 'token',
    async authenticate(context) {
      const token = tokenOf(context.headers);
      if (token === undefined) return undefined;
      const verified = await verifyToken(verifiers, token);
      if (verified === undefined) throw unauthorized();
      return verified.user;
    },
  };
}

export async function verifyToken(
  verifiers: readonly TokenVerifier[],
  token: string,
  audiences?: readonly string[],
): Promise<VerifiedToken | undefined> {
  for (const verifier of verifiers) {
    const verified = await verifier.verify(token, audiences);
    if (verified !== undefined) return verified;
  }
  return undefined;
}

const protocolPrefix = 'base64url.bearer.authorization.k8s.io.';

function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined) {
    const token = /^bearer +(\S+)$/i.exec(authorization.trim())?.[1];
    if (token !== undefined) return token;
  }
  for (const protocol of headers['sec-websocket-protocol']?.split(/,\s*/) ?? []) {
    if (protocol.startsWith(protocolPrefix)) {
      return Buffer.from(protocol.slice(protocolPrefix.length), 'base64url').toString();
    }
  }
  return undefined;
}
