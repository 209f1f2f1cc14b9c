import type { Http2Session } from 'node:http2';

/** How much of one stream may be under way before its reader takes it. */
export const streamWindowBytes = 1024 * 1024;
/** How much of all streams of a tunnel together: a stuck stream must not stop the others. */
export const sessionWindowBytes = 64 * 1024 * 1024;

/** MB that one tunnel may hold, for node's own limit: below it, many stuck streams would have new ones refused. */
export const sessionMemoryMegabytes = 512;

const pingIntervalMs = 10_000;
const pingTimeoutMs = 15_000;

/** Ends a session whose peer no longer answers pings: a host that lost its network says no goodbye. */
export function keepAlive(session: Http2Session): void {
  const prepare = (): void => {
    if (!session.destroyed) session.setLocalWindowSize(sessionWindowBytes);
  };
  if (session.connecting) session.once('connect', prepare);
  else prepare();
  let answeredAt = Date.now();
  const timer = setInterval(() => {
    if (session.destroyed || session.closed) return;
    if (Date.now() - answeredAt > pingTimeoutMs + pingIntervalMs) {
      session.destroy(new Error('The peer no longer answers pings'));
      return;
    }
    session.ping((error) => {
      if (error === null) answeredAt = Date.now();
    });
  }, pingIntervalMs);
  timer.unref();
  session.once('close', () => clearInterval(timer));
}
