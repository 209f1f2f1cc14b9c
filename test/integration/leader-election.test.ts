import assert from 'node:assert/strict';
import { it } from 'node:test';
import { leases } from '../../src/api/resource-types.ts';
import { runLeaderElection } from '../../src/client/index.ts';
import { silentLogger } from '../../src/machinery/logger.ts';
import { eventually, startControlPlane } from './control-plane.ts';

it('of two candidates one leads, and the other when the first leaves', async (t) => {
  const plane = await startControlPlane();
  t.after(() => plane.close());
  const leaders: string[] = [];
  let leading = 0;
  const run = (identity: string, signal: AbortSignal): Promise<void> =>
    runLeaderElection(
      {
        client: plane.client,
        namespace: 'kube-system',
        name: 'test',
        identity,
        logger: silentLogger,
        async lead(inOffice) {
          leaders.push(identity);
          leading++;
          await new Promise((resolve) => inOffice.addEventListener('abort', resolve, { once: true }));
          leading--;
        },
      },
      signal,
    );
  const [first, second] = [new AbortController(), new AbortController()];
  const firstRun = run('first', first.signal);
  await eventually('first leads', async () => leaders.length === 1);
  const secondRun = run('second', second.signal);
  await eventually('second was refused', async () => {
    const { spec } = await plane.client.resource(leases).get({ namespace: 'kube-system', name: 'test' });
    return spec.holderIdentity === 'first' && leading === 1;
  });
  first.abort();
  await firstRun;
  await eventually('second leads', async () => leaders.length === 2);
  assert.deepEqual([leaders, leading], [['first', 'second'], 1]);
  const { spec } = await plane.client.resource(leases).get({ namespace: 'kube-system', name: 'test' });
  assert.deepEqual([spec.holderIdentity, spec.leaseTransitions], ['second', 1]);
  second.abort();
  await secondRun;
});
