import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameDecoder } from './stdcopy.ts';

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

test('FrameDecoder gives the same streams for every way to cut the bytes', () => {
  const whole = Buffer.concat([frame(1, 'out one\n'), frame(2, 'err\n'), frame(1, ''), frame(1, 'two')]);
  for (let size = 1; size <= whole.length; size++) {
    const decoder = new FrameDecoder();
    const seen = { stdout: '', stderr: '' };
    for (let at = 0; at < whole.length; at += size) {
      for (const part of decoder.decode(whole.subarray(at, at + size))) seen[part.stream] += part.payload.toString();
    }
    assert.deepEqual(seen, { stdout: 'out one\ntwo', stderr: 'err\n' });
  }
});
