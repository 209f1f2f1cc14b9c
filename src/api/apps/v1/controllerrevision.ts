import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { checkImmutable, checkNonnegative } from '../../field-checks.ts';
import { FieldPath, required } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { ControllerRevision } from './types.generated.ts';

const dataPath = new FieldPath('data');

export const controllerRevisionResource: ResourceDefinition = defineResource<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  resource: 'controllerrevisions',
  schema: 'apps/v1.ControllerRevision',
  columns: [
    nameColumn,
    column<ControllerRevision>('Controller', controllerCell),
    column<ControllerRevision>('Revision', ({ revision }) => String(revision ?? 0)),
    ageColumn,
  ],
  validate: (revision) => validateControllerRevision(revision),
  validateUpdate(revision, old) {
    const errors = validateControllerRevision(revision);
    checkImmutable(errors, dataPath, revision.data, old.data);
    return errors;
  },
});

function validateControllerRevision({ data, revision }: ControllerRevision): FieldError[] {
  const errors: FieldError[] = [];
  if (data === undefined || data === null) errors.push(required(dataPath, 'data is mandatory'));
  checkNonnegative(errors, new FieldPath('revision'), revision);
  return errors;
}

/** `daemonset.apps/fluentd`, of the owner that controls it. */
function controllerCell({ metadata }: ControllerRevision): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return '<none>';
  const [group = ''] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : [];
  const kind = owner.kind.toLowerCase();
  return `${group === '' ? kind : `${kind}.${group}`}/${owner.name}`;
}
