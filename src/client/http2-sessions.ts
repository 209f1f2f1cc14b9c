import { type ClientHttp2Session, connect, constants, type SecureClientSessionOptions } from 'node:http2';

const pingIntervalMs = 30_000;
const pingTimeoutMs = 15_000;
const connectTimeoutMs = 30_000;
/** Streams on one connection before another is opened, whatever more the peer would allow. */
const streamsPerSessionMax = 200;
/** Large windows, so that one watch nobody reads for a moment does not hold up the others on its connection. */
const streamWindowBytes = 1024 * 1024;
const sessionWindowBytes = 32 * 1024 * 1024;

interface Entry {
  readonly session: ClientHttp2Session;
  readonly ready: Promise<ClientHttp2Session>;
  streams: number;
}

/**
 * HTTP/2 connections to one server: opened when needed, shared by all requests, pinged while open, and dropped when
 * the peer says goodbye or stops answering. A request takes a slot with `acquire` and gives it back with `release`.
 */
export class Http2Sessions {
  private readonly entries = new Set<Entry>();
  private readonly authority: string;
  private options: SecureClientSessionOptions;
  private closed = false;

  constructor(authority: string, options: SecureClientSessionOptions) {
    this.authority = authority;
    this.options = options;
  }

  async acquire(): Promise<{ session: ClientHttp2Session; release: () => void }> {
    if (this.closed) throw new Error('The transport is closed');
    const entry = this.pick() ?? this.open();
    entry.streams++;
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      entry.streams--;
      if (entry.streams === 0 && !this.entries.has(entry)) entry.session.close();
    };
    try {
      return { session: await entry.ready, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** For requests to come; those under way end on the connections they are on. */
  useOptions(options: SecureClientSessionOptions): void {
    this.options = options;
    const former = [...this.entries];
    this.entries.clear();
    for (const { session, streams } of former) if (streams === 0) session.close();
  }

  close(): void {
    this.closed = true;
    for (const entry of this.entries) entry.session.destroy();
    this.entries.clear();
  }

  private pick(): Entry | undefined {
    for (const entry of this.entries) {
      const allowed = entry.session.remoteSettings?.maxConcurrentStreams ?? streamsPerSessionMax;
      if (entry.streams < Math.min(allowed, streamsPerSessionMax)) return entry;
    }
    return undefined;
  }

  private open(): Entry {
    const session = connect(this.authority, {
      ...this.options,
      settings: { initialWindowSize: streamWindowBytes, enablePush: false },
    });
    // Nothing that is kept here may keep the process alive; whoever waits for an answer does.
    const entry: Entry = { session, ready: whenConnected(session), streams: 0 };
    this.entries.add(entry);
    // The rejection reaches those who wait in `acquire`; alone it must not count as unhandled.
    entry.ready.catch(() => this.entries.delete(entry));
    const stopPinging = keepAlive(session);
    session.once('close', () => {
      stopPinging();
      this.entries.delete(entry);
    });
    session.once('goaway', () => this.entries.delete(entry));
    // Failures surface on the streams and in `ready`; the session itself only has to be forgotten.
    session.on('error', () => this.entries.delete(entry));
    return entry;
  }
}

function whenConnected(session: ClientHttp2Session): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      session.destroy(new Error(`No connection within ${connectTimeoutMs / 1000} s`));
    }, connectTimeoutMs);
    session.once('connect', () => {
      clearTimeout(timer);
      session.setLocalWindowSize(sessionWindowBytes);
      resolve(session);
    });
    session.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    session.once('close', () => {
      clearTimeout(timer);
      reject(new Error('The connection closed before it was ready'));
    });
  });
}

/** Pings while the session lives, and ends it when an answer does not come: a dead peer must not hold a watch. */
function keepAlive(session: ClientHttp2Session): () => void {
  let timeout: NodeJS.Timeout | undefined;
  const interval = setInterval(() => {
    if (session.connecting || session.destroyed || timeout !== undefined) return;
    timeout = setTimeout(() => {
      session.destroy(new Error('The server stopped answering pings'), constants.NGHTTP2_CANCEL);
    }, pingTimeoutMs);
    timeout.unref();
    session.ping(() => {
      clearTimeout(timeout);
      timeout = undefined;
    });
  }, pingIntervalMs);
  interval.unref();
  return () => {
    clearInterval(interval);
    clearTimeout(timeout);
  };
}
