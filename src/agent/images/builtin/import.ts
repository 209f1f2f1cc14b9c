import { request } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { baseImageEntries } from './base.ts';
import { pauseBinary } from './pause.ts';
import { type TarEntry, tarStream } from './tar.ts';

export const pauseImage = 'roadstead/pause:1';
export const baseImage = 'roadstead/base:latest';

/** Makes the pause image from the code in this program. Takes some ms; the same code gives the same image. */
export async function importPauseImage(socketPath: string): Promise<void> {
  const binary = pauseBinary(process.arch);
  const entries: TarEntry[] = [
    { name: 'pause', mode: 0o755, content: { type: 'file', size: binary.length, chunks: [binary] } },
  ];
  await importImage(socketPath, pauseImage, entries, ['ENTRYPOINT ["/pause"]', 'USER 65535:65535']);
}

/** Makes `roadstead/base` from this host's files. Takes about a second. */
export async function importBaseImage(socketPath: string): Promise<void> {
  await importImage(socketPath, baseImage, baseImageEntries(), [
    'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'CMD ["node"]',
  ]);
}

/** Whether the engine holds an image of this name. */
export async function hasImage(socketPath: string, reference: string): Promise<boolean> {
  const { status } = await call(socketPath, 'GET', `/images/${encodeURIComponent(reference)}/json`);
  return status === 200;
}

async function importImage(
  socketPath: string,
  reference: string,
  entries: readonly TarEntry[],
  changes: readonly string[],
): Promise<void> {
  const colon = reference.lastIndexOf(':');
  const query = new URLSearchParams({ fromSrc: '-', repo: reference.slice(0, colon), tag: reference.slice(colon + 1) });
  for (const change of changes) query.append('changes', change);
  const { status, body } = await call(socketPath, 'POST', `/images/create?${query}`, tarStream(entries));
  const failure = status === 200 ? /"error":"([^"]*)"/.exec(body)?.[1] : body.trim();
  if (failure !== undefined) throw new Error(`Docker refused to import ${reference}: ${failure}`);
}

async function call(
  socketPath: string,
  method: string,
  path: string,
  body?: AsyncIterable<Uint8Array>,
): Promise<{ status: number; body: string }> {
  const headers = body === undefined ? {} : { 'content-type': 'application/x-tar' };
  const outgoing = request({ socketPath, method, path, headers });
  const answered = new Promise<{ status: number; body: string }>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
    });
  });
  if (body === undefined) outgoing.end();
  else
    Readable.from(body)
      .on('error', (error) => outgoing.destroy(error))
      .pipe(outgoing);
  return await answered;
}
