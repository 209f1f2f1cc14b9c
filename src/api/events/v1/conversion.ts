import type { UnknownObject } from '../../../machinery/meta.ts';

/** events.k8s.io/v1 field -> core/v1 field, where they are not called the same. */
const coreNames: Readonly<Record<string, string>> = {
  regarding: 'involvedObject',
  note: 'message',
  reportingController: 'reportingComponent',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
};
const eventNames: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(coreNames).map(([event, core]) => [core, event]),
);

export function toCoreEvent(event: UnknownObject): UnknownObject {
  return { ...rename(event, coreNames), apiVersion: 'v1' };
}

export function fromCoreEvent(event: UnknownObject): UnknownObject {
  return { ...rename(event, eventNames), apiVersion: 'events.k8s.io/v1' };
}

function rename(object: UnknownObject, names: Readonly<Record<string, string>>): UnknownObject {
  const { apiVersion, kind, metadata, ...rest } = object;
  const renamed = Object.entries(rest).map(([field, value]) => [names[field] ?? field, value]);
  return { apiVersion, kind, metadata, ...Object.fromEntries(renamed) };
}
