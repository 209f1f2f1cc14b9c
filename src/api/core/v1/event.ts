import { isPathSegmentName, isQualifiedName } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageCell, column, nameColumn } from '../../columns.ts';
import { FieldPath, invalidEach, invalidValue, required } from '../../field-errors.ts';
import type { Column, ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { Event } from './types.generated.ts';

/** Of `action`, `reason` and `reportingInstance`, in characters. */
const wordLengthMax = 128;
const messageLengthMax = 1024;

export const eventColumns: readonly Column[] = [
  column<Event>('Last Seen', lastSeenCell, { description: 'Time since it was last seen' }),
  column<Event>('Type', ({ type }) => type ?? '', { description: 'Normal or Warning' }),
  column<Event>('Reason', ({ reason }) => reason ?? '', { description: 'Why, in one word' }),
  column<Event>('Object', objectCell, { description: 'What it is about' }),
  column<Event>('Subobject', ({ involvedObject }) => involvedObject?.fieldPath ?? '', {
    wide: true,
    description: 'Which part of the object',
  }),
  column<Event>('Source', sourceCell, { wide: true, description: 'Who reported it' }),
  column<Event>('Message', ({ message }) => (message ?? '').trim(), { description: 'What happened' }),
  column<Event>('First Seen', firstSeenCell, { wide: true, description: 'Time since it was first seen' }),
  column<Event>('Count', ({ series, count }) => series?.count ?? (count || 1), {
    wide: true,
    description: 'How often it was seen',
  }),
  { ...nameColumn, priority: 1 },
];

export const eventResource: ResourceDefinition = defineResource<Event>({
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  shortNames: ['ev'],
  schema: 'core/v1.Event',
  columns: eventColumns,
  selectableFields: {
    'involvedObject.kind': ({ involvedObject }) => involvedObject?.kind ?? '',
    'involvedObject.namespace': ({ involvedObject }) => involvedObject?.namespace ?? '',
    'involvedObject.name': ({ involvedObject }) => involvedObject?.name ?? '',
    'involvedObject.uid': ({ involvedObject }) => involvedObject?.uid ?? '',
    'involvedObject.apiVersion': ({ involvedObject }) => involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': ({ involvedObject }) => involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': ({ involvedObject }) => involvedObject?.fieldPath ?? '',
    reason: ({ reason }) => reason ?? '',
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
    source: ({ source, reportingComponent }) => source?.component || reportingComponent || '',
    type: ({ type }) => type ?? '',
  },
  defaults(event) {
    event.source ??= {};
    event.reportingComponent ??= '';
    event.reportingInstance ??= '';
  },
  validate: validateEvent,
  validateName: (name) => isPathSegmentName(name)[0],
  allowCreateOnUpdate: true,
});

function firstSeenCell({ firstTimestamp, eventTime }: Event, now: number): string {
  return ageCell(firstTimestamp || eventTime, now);
}

function lastSeenCell(event: Event, now: number): string {
  if (event.series) return ageCell(event.series.lastObservedTime, now);
  return event.lastTimestamp ? ageCell(event.lastTimestamp, now) : firstSeenCell(event, now);
}

function objectCell({ involvedObject }: Event): string {
  const kind = (involvedObject?.kind ?? '').toLowerCase();
  return involvedObject?.name ? `${kind}/${involvedObject.name}` : kind;
}

function sourceCell({ source, reportingComponent, reportingInstance }: Event): string {
  const component = source?.component || reportingComponent || '';
  const host = source?.host || reportingInstance || '';
  return host === '' ? component : `${component}, ${host}`;
}

function validateEvent(event: Event): FieldError[] {
  const errors: FieldError[] = [];
  const about = event.involvedObject?.namespace ?? '';
  const where = event.metadata.namespace ?? '';
  const isNew = Boolean(event.eventTime);
  // An event about a cluster-scoped object lives in `default`; newer reporters may also use `kube-system`.
  const isClusterScoped = about === '' && (where === '' || where === 'default' || (isNew && where === 'kube-system'));
  if (!isClusterScoped && about !== where) {
    errors.push(
      invalidValue(new FieldPath('involvedObject').child('namespace'), about, 'does not match event.namespace'),
    );
  }
  if (isNew) validateNewEvent(event, errors);
  return errors;
}

function validateNewEvent(event: Event, errors: FieldError[]): void {
  const reporter = event.reportingComponent ?? '';
  const path = new FieldPath('reportingController');
  if (reporter === '') errors.push(required(path));
  else invalidEach(errors, path, reporter, isQualifiedName(reporter));
  for (const field of ['reportingInstance', 'action', 'reason'] as const) {
    const value = event[field] ?? '';
    if (value === '') errors.push(required(new FieldPath(field)));
    else if (value.length > wordLengthMax) {
      errors.push(invalidValue(new FieldPath(field), '', `can have at most ${wordLengthMax} characters`));
    }
  }
  if ((event.message ?? '').length > messageLengthMax) {
    errors.push(invalidValue(new FieldPath('message'), '', `can have at most ${messageLengthMax} characters`));
  }
}
