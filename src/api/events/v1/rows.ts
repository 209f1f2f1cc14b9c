import type { FieldError } from '../../../machinery/status-error.ts';
import { coreResources } from '../../core/v1/rows.ts';
import { checkRequiredChoice } from '../../field-checks.ts';
import { FieldPath, required } from '../../field-errors.ts';
import type { Column, ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { fromCoreEvent, toCoreEvent } from './conversion.ts';
import type { Event } from './types.generated.ts';

export const eventsResources: readonly ResourceDefinition[] = [
  defineResource<Event>({
    group: 'events.k8s.io',
    version: 'v1',
    kind: 'Event',
    resource: 'events',
    shortNames: ['ev'],
    schema: 'events/v1.Event',
    columns: coreColumns(),
    selectableFields: {
      reason: ({ reason }) => reason ?? '',
      type: ({ type }) => type ?? '',
      reportingController: ({ reportingController }) => reportingController ?? '',
      'regarding.kind': ({ regarding }) => regarding?.kind ?? '',
      'regarding.namespace': ({ regarding }) => regarding?.namespace ?? '',
      'regarding.name': ({ regarding }) => regarding?.name ?? '',
      'regarding.uid': ({ regarding }) => regarding?.uid ?? '',
      'regarding.apiVersion': ({ regarding }) => regarding?.apiVersion ?? '',
      'regarding.resourceVersion': ({ regarding }) => regarding?.resourceVersion ?? '',
      'regarding.fieldPath': ({ regarding }) => regarding?.fieldPath ?? '',
    },
    storedAs: { group: '', version: 'v1', resource: 'events', toStored: toCoreEvent, fromStored: fromCoreEvent },
    allowCreateOnUpdate: true,
    validate: (event) => validateEvent(event),
    // What core/v1 clients wrote need not hold to this version's rules.
    validateUpdate: () => [],
  }),
];

/** Both versions are shown alike: the core row's cells, read from the core form of the object. */
function coreColumns(): readonly Column[] {
  const core = coreResources.find(({ resource }) => resource === 'events');
  return (core?.columns ?? []).map((shown) => ({
    ...shown,
    value: (object, now) => shown.value(toCoreEvent(object), now),
  }));
}

function validateEvent(event: Event): FieldError[] {
  const errors: FieldError[] = [];
  if ((event.eventTime ?? '') === '') errors.push(required(new FieldPath('eventTime')));
  for (const field of ['reportingController', 'reportingInstance', 'action', 'reason'] as const) {
    if ((event[field] ?? '') === '') errors.push(required(new FieldPath(field)));
  }
  checkRequiredChoice(errors, new FieldPath('type'), event.type, ['Normal', 'Warning']);
  return errors;
}
