import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PriorityLevelConfiguration } from '../../api/flowcontrol/v1/types.generated.ts';
import { parseRequestInfo } from '../filters/request-info.ts';
import type { UserInfo } from '../request.ts';
import { Dispatcher, startsPerTurnMax } from './dispatcher.ts';
import { CompiledFlowSchema, FlowSchemaList } from './flow-schema.ts';
import { PriorityLevel, seatShareOf } from './priority-level.ts';
import { dealHand } from './shuffle-sharding.ts';

function configuration(name: string, limited: object): PriorityLevelConfiguration {
  return {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'PriorityLevelConfiguration',
    metadata: { name, uid: `${name}-uid` },
    spec: { type: 'Limited', limited },
  };
}

const queuing = { type: 'Queue', queuing: { queues: 64, handSize: 6, queueLengthLimit: 50 } };

/** A dispatcher with levels of these shares out of `total` seats. */
function dispatcherOf(total: number, limits: Record<string, object>) {
  const configurations = Object.entries(limits).map(([name, limited]) => configuration(name, limited));
  const shares = configurations.reduce((sum, { spec }) => sum + (spec.limited?.nominalConcurrencyShares ?? 0), 0);
  let time = 0;
  const dispatcher = new Dispatcher({ now: () => time, waitMsMax: 15_000 });
  const levels = configurations.map((one) => {
    const level = new PriorityLevel(one.metadata.name ?? '');
    level.configure(one, seatShareOf(one, total, shares));
    return level;
  });
  dispatcher.useLevels(levels);
  const enter = async (level: PriorityLevel, flow: string): Promise<void> => {
    if (!dispatcher.tryStart(level))
      await dispatcher.wait(
        level,
        flow,
        () => false,
        (reason) => new Error(reason),
      );
  };
  return { dispatcher, levels, enter, passTime: (ms: number) => (time += ms) };
}

/** Turns of the event loop that each of a polite client's requests takes, the slowest first. */
async function politeLatencies(floodInFlight: number): Promise<number[]> {
  const { dispatcher, levels, enter } = dispatcherOf(16, {
    one: { nominalConcurrencyShares: 1, limitResponse: queuing },
  });
  const [level] = levels;
  assert.ok(level);
  let turn = 0;
  let isOver = false;
  const serve = async (flow: string): Promise<void> => {
    await enter(level, flow);
    for (let step = 0; step < 4; step += 1) await nextTurn();
    dispatcher.finish(level);
  };
  const flood = Array.from({ length: floodInFlight }, async () => {
    while (!isOver) await serve('flood').catch(() => nextTurn());
  });
  const clock = (async () => {
    while (!isOver) {
      await nextTurn();
      turn += 1;
    }
  })();
  const latencies: number[] = [];
  for (let asked = 0; asked < 200; asked += 1) {
    const since = turn;
    await serve('polite');
    latencies.push(turn - since);
  }
  isOver = true;
  await Promise.all([...flood, clock]);
  dispatcher.close();
  return latencies.sort((a, b) => b - a);
}

test('a flood slows the 99th percentile of a polite flow to twice at most', async () => {
  const [alone = 0] = (await politeLatencies(0)).slice(2);
  const [flooded = 0] = (await politeLatencies(250)).slice(2);
  assert.ok(alone >= 4, `${alone} turns alone`);
  assert.ok(flooded <= 2 * alone, `${flooded} turns in the flood, ${alone} alone`);
});

test('a full queue and a level without queues refuse', async () => {
  const { dispatcher, levels, enter } = dispatcherOf(2, {
    short: {
      nominalConcurrencyShares: 1,
      limitResponse: { type: 'Queue', queuing: { queues: 1, handSize: 1, queueLengthLimit: 1 } },
    },
    reject: { nominalConcurrencyShares: 1, limitResponse: { type: 'Reject' } },
  });
  const [short, reject] = levels;
  assert.ok(short && reject);
  await enter(short, 'a');
  await enter(reject, 'a');
  const waits = enter(short, 'a');
  await assert.rejects(enter(short, 'a'), /^Error: queue-full$/);
  await assert.rejects(enter(reject, 'a'), /^Error: concurrency-limit$/);
  dispatcher.finish(short);
  await waits;
  dispatcher.close();
});

test('a request that has waited too long is refused', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { dispatcher, levels, enter, passTime } = dispatcherOf(1, {
    one: { nominalConcurrencyShares: 1, limitResponse: queuing },
  });
  const [level] = levels;
  assert.ok(level);
  await enter(level, 'a');
  const waits = enter(level, 'a');
  passTime(16_000);
  t.mock.timers.tick(1000);
  await assert.rejects(waits, /^Error: time-out$/);
  dispatcher.close();
});

/** The bound on starts in one turn begins anew. */
async function afterTurn(): Promise<void> {
  await nextTurn();
  await nextTurn();
}

test('idle lendable seats serve another level, and come back to their owner first', async () => {
  const { dispatcher, levels, enter } = dispatcherOf(8, {
    lender: { nominalConcurrencyShares: 1, lendablePercent: 50, limitResponse: queuing },
    borrower: { nominalConcurrencyShares: 1, limitResponse: queuing },
  });
  const [lender, borrower] = levels;
  assert.ok(lender && borrower);
  for (let count = 0; count < 6; count += 1) {
    assert.ok(dispatcher.tryStart(borrower));
    await afterTurn();
  }
  assert.equal(dispatcher.tryStart(borrower), false);
  for (let count = 0; count < 2; count += 1) assert.ok(dispatcher.tryStart(lender));
  await afterTurn();
  const order: string[] = [];
  const waits = [
    enter(borrower, 'b').then(() => order.push('borrower')),
    enter(lender, 'l').then(() => order.push('lender')),
  ];
  dispatcher.finish(borrower);
  await nextTurn();
  assert.deepEqual(order, ['lender']);
  dispatcher.finish(borrower);
  dispatcher.finish(borrower);
  await Promise.all(waits);
  dispatcher.close();
});

test('one turn of the event loop starts a bounded number of requests', async () => {
  const { dispatcher, levels } = dispatcherOf(600, { one: { nominalConcurrencyShares: 1, limitResponse: queuing } });
  const [level] = levels;
  assert.ok(level);
  let started = 0;
  while (dispatcher.tryStart(level)) started += 1;
  assert.equal(started, startsPerTurnMax);
  await nextTurn();
  await nextTurn();
  assert.ok(dispatcher.tryStart(level));
  dispatcher.close();
});

test('a hand holds different queues, and close flows get different hands', () => {
  const hands = Array.from({ length: 100 }, (_, at) => dealHand(`schema/user-${at}`, 128, 6));
  for (const hand of hands) {
    assert.equal(new Set(hand).size, 6);
    assert.ok(hand.every((card) => card >= 0 && card < 128));
  }
  assert.equal(new Set(hands.map((hand) => hand.toSorted().join())).size, 100);
  assert.deepEqual(dealHand('x', 3, 3).toSorted(), [0, 1, 2]);
});

const schema = (name: string, matchingPrecedence: number, rules: object[]): CompiledFlowSchema =>
  new CompiledFlowSchema({
    apiVersion: '',
    kind: 'FlowSchema',
    metadata: { name },
    spec: { matchingPrecedence, priorityLevelConfiguration: { name: 'x' }, rules: rules as never[] },
  });
const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] };
const group = (name: string): object => ({ kind: 'Group', group: { name } });

test('a request takes the first schema by precedence and name whose subject and rule it matches', () => {
  const list = new FlowSchemaList([
    schema('z-last', 10_000, [
      { subjects: [group('*')], resourceRules: [all], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] },
    ]),
    schema('b-status', 100, [
      { subjects: [group('g')], resourceRules: [{ ...all, resources: ['pods/status'], verbs: ['get'] }] },
    ]),
    schema('a-in-namespace', 100, [
      { subjects: [group('g')], resourceRules: [{ ...all, clusterScope: false, namespaces: ['n'] }] },
    ]),
    schema('account', 50, [
      {
        subjects: [{ kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name: '*' } }],
        resourceRules: [all],
      },
    ]),
    schema('probes', 2, [
      { subjects: [group('g')], nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/livez/*'] }] },
    ]),
  ]);
  const member: UserInfo = { name: 'u', groups: ['g'] };
  const account: UserInfo = { name: 'system:serviceaccount:kube-system:x', groups: [] };
  const cases: [UserInfo, string, string][] = [
    [member, '/healthz', 'probes'],
    [member, '/livez/ping', 'probes'],
    [member, '/version', 'z-last'],
    [member, '/api/v1/namespaces/n/pods/p/status', 'a-in-namespace'],
    [member, '/api/v1/namespaces/m/pods/p/status', 'b-status'],
    [member, '/api/v1/namespaces/m/pods/p', 'z-last'],
    [member, '/api/v1/nodes', 'z-last'],
    [account, '/api/v1/nodes', 'account'],
    [{ ...account, name: 'system:serviceaccount:other:x' }, '/api/v1/nodes', 'z-last'],
  ];
  for (const [user, path, expected] of cases) {
    const info = parseRequestInfo('GET', path, () => new URLSearchParams());
    assert.equal(list.find({ user, info, path })?.name, expected, `${user.name} ${path}`);
  }
});
