import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseNetwork } from '../ipv4.ts';
import { AddressLeases } from './address-leases.ts';

describe('AddressLeases', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'leases-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = (cidr = '10.244.0.0/29'): AddressLeases => new AddressLeases(folder, parseNetwork(cidr));
  const address = (leases: AddressLeases, sandbox: string): string => leases.lease(sandbox, 'default/p', []).address;

  test('gives every address but the network, the node and the broadcast, then says there are no more', () => {
    const leases = open();
    const given = ['a', 'b', 'c', 'd', 'e'].map((sandbox) => address(leases, sandbox));
    assert.deepEqual(given, ['10.244.0.2', '10.244.0.3', '10.244.0.4', '10.244.0.5', '10.244.0.6']);
    assert.throws(() => address(leases, 'f'), /no IP addresses available in range set: 10\.244\.0\.1-10\.244\.0\.6/);
  });

  test('lets an address rest before it is given again', () => {
    const leases = open();
    address(leases, 'a');
    leases.release('a');
    assert.equal(address(leases, 'b'), '10.244.0.3');
  });

  test('comes back around to what was given back', () => {
    const leases = open();
    for (const sandbox of ['a', 'b', 'c', 'd', 'e']) address(leases, sandbox);
    leases.release('c');
    assert.equal(address(leases, 'f'), '10.244.0.4');
  });

  test('knows after a restart what is taken', () => {
    address(open(), 'a');
    const leases = open();
    assert.equal(leases.get('a')?.address, '10.244.0.2');
    assert.equal(address(leases, 'b'), '10.244.0.3');
  });

  test('drops what is torn or of another network', () => {
    address(open(), 'a');
    writeFileSync(join(folder, '10.244.0.3'), '{"sandb');
    writeFileSync(join(folder, '10.244.0.4.new'), '{}');
    const leases = open('10.244.8.0/24');
    assert.deepEqual(leases.all(), []);
    assert.deepEqual(readdirSync(folder), []);
  });
});
