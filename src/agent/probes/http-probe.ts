import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { HTTPGetAction } from '../../api/core/v1/types.generated.ts';
import type { ProbeOutcome } from './probe-outcome.ts';

const bodyBytesMax = 10 * 1024;
const redirectsMax = 10;

/** GET of the action at `host`; 200 to 399 succeeds. Certificates are not checked, as upstream. */
export async function probeHttp(
  action: HTTPGetAction,
  host: string,
  port: number,
  timeoutMs: number,
): Promise<ProbeOutcome> {
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const name = host.includes(':') ? `[${host}]` : host;
  let url: URL;
  try {
    url = new URL(`${scheme}://${name}:${port}/${(action.path ?? '/').replace(/^\//, '')}`);
  } catch {
    return { result: 'failure', output: `invalid probe path "${action.path}"` };
  }
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.36', accept: '*/*', connection: 'close' };
  for (const header of action.httpHeaders ?? []) headers[header.name.toLowerCase()] = header.value;
  if (headers['accept'] === '') delete headers['accept'];
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    for (let hop = 0; hop <= redirectsMax; hop++) {
      const answer = await get(url, headers, deadline);
      const next = answer.location === undefined ? undefined : new URL(answer.location, url);
      // A redirect to elsewhere shows that the server works, and is not followed.
      if (next !== undefined && next.hostname === url.hostname) {
        url = next;
        continue;
      }
      if (answer.status >= 200 && answer.status < 400) return { result: 'success', output: answer.body };
      return { result: 'failure', output: `HTTP probe failed with statuscode: ${answer.status}` };
    }
    return { result: 'failure', output: `Get "${url}": stopped after ${redirectsMax} redirects` };
  } catch (error) {
    const why = deadline.aborted
      ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
      : dialError(error, url);
    return { result: 'failure', output: `Get "${url}": ${why}` };
  }
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

function get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions & { rejectUnauthorized: boolean } = {
      method: 'GET',
      headers,
      signal,
      agent: false,
      rejectUnauthorized: false,
    };
    const outgoing = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (response) => {
      const status = response.statusCode ?? 0;
      const location = status >= 300 && status < 400 ? response.headers.location : undefined;
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
        if (body.length < bodyBytesMax) return;
        resolve({ status, location, body: body.slice(0, bodyBytesMax) });
        response.destroy();
      });
      response.on('end', () => resolve({ status, location, body }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function dialError(error: unknown, url: URL): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return `dial tcp ${url.hostname}:${url.port}: connect: connection refused`;
  return message;
}
