import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Pod, PodStatus } from '../../api/core/v1/types.generated.ts';
import type { Client } from '../../client/contract.ts';
import { silentLogger } from '../../machinery/logger.ts';
import { apiError } from '../../machinery/status-error.ts';
import { StatusWriter } from './status-writer.ts';

const ready = (status: string): PodStatus => ({ phase: 'Running', conditions: [{ type: 'Ready', status }] });

function podWith(version: number, status: PodStatus): Pod {
  const metadata = { name: 'p', namespace: 'ns', uid: 'u', resourceVersion: String(version) };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] }, status };
}

/** An API that takes every status as it is, or as `store` makes of it. */
class FakeApi {
  version = 9;
  writes = 0;
  failures: unknown[] = [];
  store: (status: PodStatus) => PodStatus = (status) => status;
  readonly client = { resource: () => ({ patch: () => this.#patch() }) } as unknown as Client;
  wanted: PodStatus = {};

  async #patch(): Promise<Pod> {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    this.writes++;
    this.version++;
    return podWith(this.version, this.store(this.wanted));
  }
}

function setUp(): { api: FakeApi; submit: (pod: Pod, status: PodStatus) => Promise<void>; stop: AbortController } {
  const api = new FakeApi();
  const stop = new AbortController();
  const writer = new StatusWriter({ client: api.client, logger: silentLogger, signal: stop.signal });
  const submit = async (pod: Pod, status: PodStatus): Promise<void> => {
    api.wanted = status;
    writer.submit(pod, status);
    await writer.flush('u');
    await turn();
  };
  return { api, submit, stop };
}

test('what the API has already is not written', async () => {
  const { api, submit } = setUp();
  await submit(podWith(9, ready('True')), ready('True'));
  assert.equal(api.writes, 0);
});

test('an informer that lags behind our own write causes no other', async () => {
  const { api, submit } = setUp();
  const old = podWith(9, { phase: 'Pending' });
  await submit(old, ready('True'));
  await submit(old, ready('True'));
  await submit(podWith(10, ready('True')), ready('True'));
  assert.equal(api.writes, 1);
});

test('what others wrote over is written again', async () => {
  const { api, submit } = setUp();
  await submit(podWith(9, { phase: 'Pending' }), ready('True'));
  await submit(podWith(11, ready('False')), ready('True'));
  assert.equal(api.writes, 2);
});

test('what the API words in another way is not insisted on', async () => {
  const { api, submit } = setUp();
  api.store = (status) => ({ ...status, qosClass: 'BestEffort' });
  await submit(podWith(9, { phase: 'Pending' }), ready('True'));
  await submit(podWith(10, { ...ready('True'), qosClass: 'BestEffort' }), ready('True'));
  assert.equal(api.writes, 1);
});

test('a write that fails is tried again, one that is refused as invalid is not', async () => {
  const { api, submit } = setUp();
  api.failures = [new Error('connect ECONNREFUSED')];
  await submit(podWith(9, { phase: 'Pending' }), ready('True'));
  assert.equal(api.writes, 1);
  api.failures = [apiError(422, 'Invalid', 'no')];
  await submit(podWith(10, ready('True')), ready('False'));
  await submit(podWith(10, ready('True')), ready('False'));
  assert.equal(api.writes, 1);
});
