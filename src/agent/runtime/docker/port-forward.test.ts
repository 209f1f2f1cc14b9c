import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLocalAddresses } from './port-forward.ts';

test('parseLocalAddresses finds the addresses that are not loopback, once each', () => {
  const trie = `Main:
  +-- 0.0.0.0/0 3 0 4
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.244.0.0/24 2 0 2
        |-- 10.244.0.0
           /24 link UNICAST
        |-- 10.244.0.5
           /32 host LOCAL
     |-- 127.0.0.1
        /32 host LOCAL
Local:
     |-- 10.244.0.5
        /32 host LOCAL
     |-- 10.244.0.255
        /32 link BROADCAST
`;
  assert.deepEqual(parseLocalAddresses(trie), ['10.244.0.5']);
});
