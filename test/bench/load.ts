import { type Answer, Connection, type Endpoint } from './connection.ts';

export interface Figures {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** Connections that each carry one request at a time: as many requests are in flight as there are connections. */
export async function openConnections(endpoint: Endpoint, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => Connection.open(endpoint)));
}

/** `count` requests, one at a time on each connection; throws at the first that is not a success. */
export async function load(
  connections: readonly Connection[],
  count: number,
  make: (connection: Connection, index: number) => Promise<Answer>,
): Promise<Figures> {
  const times = new Float64Array(count);
  let next = 0;
  const start = performance.now();
  const worker = async (connection: Connection): Promise<void> => {
    while (next < count) {
      const index = next++;
      const sent = performance.now();
      const answer = await make(connection, index);
      if (answer.status >= 300) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
      times[index] = performance.now() - sent;
    }
  };
  await Promise.all(connections.map(worker));
  const perSecond = Math.round((count / (performance.now() - start)) * 1000);
  times.sort();
  return { perSecond, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

/** Of values in rising order. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
