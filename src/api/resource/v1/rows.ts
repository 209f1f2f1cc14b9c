import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { checkImmutable } from '../../field-checks.ts';
import { required, specPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type {
  DeviceClass,
  ResourceClaim,
  ResourceClaimSpec,
  ResourceClaimTemplate,
  ResourceSlice,
} from './types.generated.ts';

const shared = { group: 'resource.k8s.io', version: 'v1' } as const;

export const dynamicResources: readonly ResourceDefinition[] = [
  defineResource<DeviceClass>({
    ...shared,
    kind: 'DeviceClass',
    resource: 'deviceclasses',
    returnsDeletedObject: true,
    namespaced: false,
    schema: 'resource/v1.DeviceClass',
    generation: ['spec'],
  }),
  defineResource<ResourceClaim>({
    ...shared,
    kind: 'ResourceClaim',
    resource: 'resourceclaims',
    returnsDeletedObject: true,
    schema: 'resource/v1.ResourceClaim',
    columns: [nameColumn, column<ResourceClaim>('State', stateCell), ageColumn],
    statusSubresource: true,
    defaults: ({ spec }) => applyClaimDefaults(spec),
    validateUpdate(claim, old) {
      const errors: FieldError[] = [];
      checkImmutable(errors, specPath, claim.spec, old.spec);
      return errors;
    },
  }),
  defineResource<ResourceClaimTemplate>({
    ...shared,
    kind: 'ResourceClaimTemplate',
    resource: 'resourceclaimtemplates',
    returnsDeletedObject: true,
    schema: 'resource/v1.ResourceClaimTemplate',
    defaults: ({ spec }) => applyClaimDefaults(spec?.spec),
    validateUpdate(template, old) {
      const errors: FieldError[] = [];
      checkImmutable(errors, specPath, template.spec, old.spec);
      return errors;
    },
  }),
  defineResource<ResourceSlice>({
    ...shared,
    kind: 'ResourceSlice',
    resource: 'resourceslices',
    returnsDeletedObject: true,
    namespaced: false,
    schema: 'resource/v1.ResourceSlice',
    columns: [
      nameColumn,
      column<ResourceSlice>('Node', ({ spec }) => spec.nodeName ?? (spec.allNodes === true ? '<all>' : '<none>')),
      column<ResourceSlice>('Driver', ({ spec }) => spec.driver),
      column<ResourceSlice>('Pool', ({ spec }) => spec.pool?.name ?? ''),
      ageColumn,
    ],
    selectableFields: {
      'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
      'spec.driver': ({ spec }) => spec.driver ?? '',
    },
    generation: ['spec'],
    defaults(slice) {
      slice.spec ??= { driver: '', pool: { name: '', generation: 0, resourceSliceCount: 0 } };
    },
    validate({ spec }) {
      const errors: FieldError[] = [];
      if ((spec.driver ?? '') === '') errors.push(required(specPath.child('driver')));
      if ((spec.pool?.name ?? '') === '') errors.push(required(specPath.child('pool').child('name')));
      return errors;
    },
  }),
];

function stateCell({ metadata, status }: ResourceClaim): string {
  const words: string[] = [];
  if (metadata.deletionTimestamp !== undefined) words.push('deleted');
  if (status?.allocation === undefined) {
    if (words.length === 0) words.push('pending');
  } else words.push('allocated');
  if ((status?.reservedFor?.length ?? 0) > 0) words.push('reserved');
  return words.join(',');
}

function applyClaimDefaults(spec: ResourceClaimSpec | undefined): void {
  for (const request of spec?.devices?.requests ?? []) {
    const choices = [...(request.exactly === undefined ? [] : [request.exactly]), ...(request.firstAvailable ?? [])];
    for (const choice of choices) {
      choice.allocationMode ??= 'ExactCount';
      if (choice.allocationMode === 'ExactCount') choice.count ??= 1;
      for (const toleration of choice.tolerations ?? []) toleration.operator ??= 'Equal';
    }
  }
}
