/** What CronJobs do about jobs that still run. The names of jobs tell minutes, so the clock jumps by some. */
import assert from 'node:assert/strict';
import { after, mock } from 'node:test';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { at } from '../api.ts';
import { behaviour, isListing } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const realNow = Date.now;
let aheadMs = 0;

if (!isListing) {
  mock.method(Date, 'now', () => realNow() + aheadMs);
  after(() => mock.restoreAll());
}

interface Cron {
  readonly path: string;
  jobs(): Promise<string[]>;
  active(): Promise<string[]>;
}

/** One that runs every second, in a namespace of its own. Without a node, no job ever ends. */
async function every(name: string, spec: object): Promise<Cron> {
  const batch = `/apis/batch/v1/namespaces/${await suite.namespace(name)}`;
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example.test/none' }] } };
  await suite.api.create(`${batch}/cronjobs`, {
    metadata: { name },
    spec: { schedule: '@every 1s', jobTemplate: { spec: { template } }, ...spec },
  });
  const path = `${batch}/cronjobs/${name}`;
  const names = (objects: readonly UnknownObject[]): string[] => objects.map(({ metadata }) => metadata.name ?? '');
  return {
    path,
    jobs: async () => names(await suite.api.items(`${batch}/jobs`)),
    active: async () => {
      const active = (at(await suite.api.get(path), 'status.active') ?? []) as { name: string }[];
      return active.map((one) => one.name);
    },
  };
}

/** Time goes on by two minutes; how often a CronJob that allows it has run shows that it did. */
async function timePasses(witness: Cron): Promise<void> {
  const before = (await witness.jobs()).length;
  aheadMs += 120_000;
  await suite.eventually('a run at the new time', async () => (await witness.jobs()).length > before);
}

behaviour('CronJob AllowConcurrent', async () => {
  const cron = await every('allowed', { concurrencyPolicy: 'Allow' });
  await suite.eventually('its job', async () => (await cron.active()).length === 1);
  await timePasses(cron);
  await suite.eventually('two at a time', async () => (await cron.active()).length > 1);
});

behaviour('CronJob ForbidConcurrent', async () => {
  const witness = await every('witness-forbidden', { concurrencyPolicy: 'Allow' });
  const cron = await every('forbidden', { concurrencyPolicy: 'Forbid' });
  await suite.eventually('its job', async () => (await cron.active()).length === 1);
  const first = await cron.active();
  await timePasses(witness);
  await timePasses(witness);
  assert.deepEqual(await cron.active(), first);
  assert.deepEqual(await cron.jobs(), first);
});

behaviour('CronJob ReplaceConcurrent', async () => {
  const witness = await every('witness-replaced', { concurrencyPolicy: 'Allow' });
  const cron = await every('replaced', { concurrencyPolicy: 'Replace' });
  await suite.eventually('its job', async () => (await cron.active()).length === 1);
  const [first] = await cron.active();
  await timePasses(witness);
  await suite.eventually('another in its place', async () => {
    const active = await cron.active();
    return active.length === 1 && active[0] !== first && !(await cron.jobs()).includes(first ?? '');
  });
});

behaviour('CronJob Suspend', async () => {
  const witness = await every('witness-suspended', { concurrencyPolicy: 'Allow' });
  const cron = await every('suspended', { suspend: true });
  await suite.eventually('the first run of another', async () => (await witness.jobs()).length > 0);
  await timePasses(witness);
  assert.deepEqual(await cron.jobs(), []);
  await suite.api.patch(cron.path, { spec: { suspend: false } });
  await suite.eventually('its job', async () => (await cron.active()).length > 0);
});
