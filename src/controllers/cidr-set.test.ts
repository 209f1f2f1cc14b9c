import assert from 'node:assert/strict';
import { it } from 'node:test';
import { CidrSet } from './cidr-set.ts';

it('blocks are given out once each until there are none', () => {
  const blocks = new CidrSet('10.244.0.0/22', 24);
  blocks.occupy('10.244.1.0/24');
  blocks.occupy('192.168.0.0/24');
  assert.deepEqual([blocks.take(), blocks.take(), blocks.take()], ['10.244.0.0/24', '10.244.2.0/24', '10.244.3.0/24']);
  assert.equal(blocks.take(), undefined);
  blocks.release('10.244.2.0/24');
  assert.equal(blocks.take(), '10.244.2.0/24');
});

it('a range smaller than a block is refused', () => {
  assert.throws(() => new CidrSet('10.0.0.0/26', 24), /has no blocks/);
});
