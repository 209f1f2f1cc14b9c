/** One entry of an archive that is built in memory order and read once. */
export interface TarEntry {
  readonly name: string;
  readonly mode: number;
  readonly content:
    | {
        readonly type: 'file';
        readonly size: number;
        readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
      }
    | { readonly type: 'directory' }
    | { readonly type: 'symlink'; readonly target: string };
}

const block = 512;

/**
 * A ustar archive, streamed. Owner 0:0 and time 0 throughout, so that the same entries give the same bytes.
 * Names are at most 100 bytes: what images are made of here is shorter.
 */
export async function* tarStream(entries: Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    const size = entry.content.type === 'file' ? entry.content.size : 0;
    yield header(entry, size);
    if (entry.content.type !== 'file') continue;
    yield* entry.content.chunks;
    if (size % block !== 0) yield Buffer.alloc(block - (size % block));
  }
  yield Buffer.alloc(2 * block);
}

const typeFlags = { file: '0', symlink: '2', directory: '5' } as const;

function header(entry: TarEntry, size: number): Buffer {
  if (Buffer.byteLength(entry.name) > 100) throw new Error(`Archive name "${entry.name}" is longer than 100 bytes`);
  const buffer = Buffer.alloc(block);
  buffer.write(entry.name, 0);
  buffer.write(octal(entry.mode, 7), 100);
  buffer.write(octal(0, 7), 108);
  buffer.write(octal(0, 7), 116);
  buffer.write(octal(size, 11), 124);
  buffer.write(octal(0, 11), 136);
  buffer.write(' '.repeat(8), 148);
  buffer.write(typeFlags[entry.content.type], 156);
  if (entry.content.type === 'symlink') buffer.write(entry.content.target, 157);
  buffer.write('ustar\x0000', 257);
  const sum = buffer.reduce((total, byte) => total + byte, 0);
  buffer.write(`${octal(sum, 6)}\0 `, 148);
  return buffer;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
