import assert from 'node:assert/strict';
import { at, namesOf } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();

interface EventApi {
  readonly prefix: string;
  readonly note: string;
  body(name: string, labels: Record<string, string>): Record<string, unknown>;
}

const coreEvents: EventApi = {
  prefix: '/api/v1',
  note: 'message',
  body: (name, labels) => ({
    metadata: { name, labels },
    message: 'This is a test event',
    reason: 'Test',
    type: 'Normal',
    count: 1,
    involvedObject: { namespace: 'default' },
  }),
};
const newEvents: EventApi = {
  prefix: '/apis/events.k8s.io/v1',
  note: 'note',
  body: (name, labels) => ({
    metadata: { name, labels },
    note: 'This is a test event',
    reason: 'Test',
    action: 'Do',
    type: 'Normal',
    regarding: { namespace: 'default' },
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'test-controller',
    reportingInstance: 'test-node',
  }),
};

async function lifecycle({ prefix, note, body }: EventApi, label: string): Promise<void> {
  const collection = `${prefix}/namespaces/default/events`;
  const path = `${collection}/${label}`;
  const selector = `labelSelector=testevent%3D${label}`;
  await suite.api.create(collection, body(label, { testevent: label }));
  assert.deepEqual(namesOf(await suite.api.items(`${prefix}/events?${selector}`)), [label]);
  await suite.api.patch(path, { [note]: 'This is a test event - patched' }, 'strategic');
  assert.equal(at(await suite.api.get(path), note), 'This is a test event - patched');
  const series = { count: 100, lastObservedTime: '2026-01-01T00:05:00.000000Z' };
  await suite.api.change(path, (object) => {
    object['series'] = series;
  });
  assert.deepEqual(at(await suite.api.get(path), 'series'), series);
  await suite.api.delete(path);
  assert.deepEqual(await suite.api.items(`${prefix}/events?${selector}`), []);
}

async function deleteCollection({ prefix, body }: EventApi, label: string): Promise<void> {
  const collection = `${prefix}/namespaces/default/events`;
  const listed = `${collection}?labelSelector=testevent-set%3D${label}`;
  for (const index of [1, 2, 3])
    await suite.api.create(collection, body(`${label}-${index}`, { 'testevent-set': label }));
  assert.equal((await suite.api.items(listed)).length, 3);
  await suite.api.delete(listed);
  assert.deepEqual(await suite.api.items(listed), []);
}

behaviour('Event, manage lifecycle of an Event', () => lifecycle(coreEvents, 'core-event'));
behaviour('Event, delete a collection', () => deleteCollection(coreEvents, 'core-set'));
behaviour('New Event resource lifecycle, testing a single event', async () => {
  await lifecycle(newEvents, 'new-event');
  // One object, whichever of the two groups it is read through.
  await suite.api.create(`${newEvents.prefix}/namespaces/default/events`, newEvents.body('both', {}));
  const core = await suite.api.get(`${coreEvents.prefix}/namespaces/default/events/both`);
  assert.deepEqual(
    [core['message'], at(core, 'source.component') ?? core['reportingComponent']],
    ['This is a test event', 'test-controller'],
  );
});
behaviour('New Event resource lifecycle, testing a list of events', () => deleteCollection(newEvents, 'new-set'));
