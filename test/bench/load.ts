import { type Agent, request } from 'node:https';

export interface Answer {
  readonly status: number;
  readonly bytes: number;
  readonly milliseconds: number;
  readonly text: string;
}

export interface Target {
  readonly url: string;
  readonly agent: Agent;
}

/** One request over a kept connection; the body of a GET is counted and dropped. */
export function call(
  target: Target,
  method: string,
  path: string,
  body?: unknown,
  type = 'application/json',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const data = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers: Record<string, string | number> = { accept: 'application/json' };
    if (data !== undefined) Object.assign(headers, { 'content-type': type, 'content-length': data.length });
    const outgoing = request(`${target.url}${path}`, { method, agent: target.agent, headers }, (response) => {
      let bytes = 0;
      const kept: Buffer[] = [];
      const keep = method !== 'GET' || (response.statusCode ?? 0) >= 300;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (keep) kept.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          bytes,
          milliseconds: performance.now() - start,
          text: Buffer.concat(kept).toString(),
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(data);
  });
}

export interface Figures {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** `count` requests with `inFlight` of them at a time; throws at the first that is not a success. */
export async function load(
  count: number,
  inFlight: number,
  make: (index: number) => Promise<Answer>,
): Promise<Figures> {
  const times: number[] = [];
  let next = 0;
  const start = performance.now();
  const worker = async (): Promise<void> => {
    while (next < count) {
      const answer = await make(next++);
      if (answer.status >= 300) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
      times.push(answer.milliseconds);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const perSecond = Math.round((count / (performance.now() - start)) * 1000);
  return { perSecond, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
