import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Masker, maskedTexts } from './masking.ts';

function masked(pieces: readonly string[], secrets: readonly string[]): string {
  const masker = new Masker(maskedTexts(secrets));
  return Buffer.concat([...pieces.map((piece) => masker.push(Buffer.from(piece))), masker.end()]).toString();
}

describe('masking', () => {
  it('finds a secret wherever the stream is cut', () => {
    const text = 'before geheim after';
    for (let cut = 0; cut <= text.length; cut++) {
      assert.equal(masked([text.slice(0, cut), text.slice(cut)], ['geheim']), 'before *** after');
    }
  });

  it('masks each line of a secret of several, and what is not ASCII', () => {
    assert.equal(masked(['x first y second z schlüssel'], ['first\nsecond\n', 'schlüssel']), 'x *** y *** z ***');
  });

  it('keeps everything else, also what only begins like a secret', () => {
    assert.equal(masked(['gehe', 'n'], ['geheim']), 'gehen');
  });
});
