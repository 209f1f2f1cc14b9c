import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const namespace = `rs-test-${process.pid}`;
const scenarioTimeoutMs = 90_000;

/** Needs root and a kernel that gives out network namespaces; elsewhere there is nothing to test. */
function canIsolate(): boolean {
  try {
    execFileSync('ip', ['netns', 'add', namespace], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'exec', namespace, 'nft', 'list', 'tables'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const isolated = canIsolate();

describe('the network in a real kernel', { skip: isolated ? false : 'needs root, ip and nft' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'network-'));
  let seen: Record<string, unknown> = {};

  before(async () => {
    const scenario = fileURLToPath(new URL('kernel-scenario.ts', import.meta.url));
    const args = ['netns', 'exec', namespace, process.execPath, scenario, folder];
    const { stdout } = await promisify(execFile)('ip', args, { timeout: scenarioTimeoutMs });
    seen = JSON.parse(stdout);
  });
  after(() => rmSync(folder, { recursive: true }));

  test('pods have addresses, and keep them when attached again', () => {
    assert.deepEqual(seen['addresses'], ['10.244.0.2', '10.244.0.3']);
    assert.deepEqual(seen['addressAgain'], ['10.244.0.2']);
  });

  test('pods reach pods and services as themselves', () => {
    assert.equal(seen['podToPod'], 'b 10.244.0.2');
    assert.equal(seen['podToService'], 'b 10.244.0.2');
  });

  test('a pod reaches itself through its service, as the node', () => {
    assert.equal(seen['podToItself'], 'a 10.244.0.1');
  });

  test('the host reaches services, node ports and host ports, on its loopback too', () => {
    for (const way of ['hostToService', 'nodePort', 'nodePortOnLoopback', 'hostPortOnLoopback']) {
      assert.equal(seen[way], 'b 10.244.0.1', way);
    }
    assert.equal(seen['hostPort'], 'b 10.244.0.2');
  });

  test('a service without endpoints refuses at once', () => {
    assert.equal(seen['withoutEndpoints'], 'ECONNREFUSED');
  });

  test('pods find services by name', () => {
    assert.equal(seen['name'], '10.96.0.20');
  });

  test('the bridge has the addresses of this pod CIDR and of DNS, and no others', () => {
    const [, , ...addresses] = String(seen['bridge']).trim().split(/\s+/);
    assert.deepEqual(addresses, ['10.244.0.1/24', '10.96.0.10/32']);
  });

  test('the pods of another node are reached through it', () => {
    assert.match(String(seen['routes']), /^10\.244\.7\.0\/24 via 192\.0\.2\.51 /);
  });

  test('a host port is given once, and is free after its pod', () => {
    assert.match(String(seen['portTaken']), /TCP port 8088 is already used by pod default\/b/);
    assert.equal(seen['afterDetach'], 'ECONNREFUSED');
  });

  test('removing all leaves nothing', () => {
    assert.doesNotMatch(String(seen['tables']), /roadstead/);
    assert.doesNotMatch(String(seen['links']), /rs0|rsv/);
  });
});

after(() => {
  try {
    execFileSync('ip', ['netns', 'del', namespace], { stdio: 'ignore' });
  } catch {
    assert.equal(isolated, false, 'the namespace of the test must go');
  }
});
