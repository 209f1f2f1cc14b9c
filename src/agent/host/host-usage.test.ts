import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCpu, parseNetwork, rates } from './host-usage.ts';

test('time spent waiting for disks is not busy, and guests are not counted twice', () => {
  const stat = 'cpu  100 10 50 800 40 0 0 0 30 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n';
  assert.deepEqual(parseCpu(stat), { cpuTotal: 1000, cpuBusy: 160 });
});

test('traffic is that of links that lead outside', () => {
  const text = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier',
    '    lo: 900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0',
    '  eth0: 1000 5 0 0 0 0 0 0 2000 6 0 0 0 0 0 0',
    '  eth1:30 5 0 0 0 0 0 0 40 6 0 0 0 0 0 0',
    'veth1a: 7777 5 0 0 0 0 0 0 8888 6 0 0 0 0 0 0',
  ].join('\n');
  assert.deepEqual(parseNetwork(text), { receivedBytes: 1030, sentBytes: 2040 });
});

test('rates are means over the time between, and counters that went back are no change', () => {
  const from = { cpuBusy: 100, cpuTotal: 1000, receivedBytes: 5000, sentBytes: 100, at: 0 };
  const to = { cpuBusy: 150, cpuTotal: 1200, receivedBytes: 4000, sentBytes: 2100, at: 2000 };
  assert.deepEqual(rates(from, to), { cpuPercent: 25, receivedBytesPerSecond: 0, sentBytesPerSecond: 1000 });
});
