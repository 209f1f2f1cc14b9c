import { column, nameColumn } from '../../columns.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { CustomResourceDefinition } from './types.generated.ts';
import { validateCustomResourceDefinition, validateCustomResourceDefinitionUpdate } from './validation.ts';

export const apiextensionsResources: readonly ResourceDefinition[] = [
  defineResource<CustomResourceDefinition>({
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    resource: 'customresourcedefinitions',
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    namespaced: false,
    schema: 'apiextensions/v1.CustomResourceDefinition',
    columns: [
      nameColumn,
      column<CustomResourceDefinition>('Created At', ({ metadata }) => metadata.creationTimestamp ?? null, {
        type: 'date',
      }),
    ],
    generation: ['spec'],
    initialStatus: ({ spec }) => ({
      conditions: [],
      acceptedNames: { plural: '', kind: '' },
      storedVersions: (spec?.versions ?? []).filter(({ storage }) => storage).map(({ name }) => name),
    }),
    statusSubresource: true,
    // A version that becomes the stored one joins those of which objects may exist.
    prepareForUpdate(definition) {
      const stored = definition.spec?.versions?.find(({ storage }) => storage)?.name;
      const status = definition.status;
      if (stored === undefined || status?.storedVersions?.includes(stored) === true) return;
      definition.status = { ...status, storedVersions: [...(status?.storedVersions ?? []), stored] };
    },
    defaults: applyDefaults,
    validate: validateCustomResourceDefinition,
    validateUpdate: validateCustomResourceDefinitionUpdate,
  }),
];

function applyDefaults(definition: CustomResourceDefinition): void {
  definition.spec ??= { group: '', names: { kind: '', plural: '' }, scope: '', versions: [] };
  const { spec } = definition;
  if (spec.names !== undefined) {
    if ((spec.names.singular ?? '') === '') spec.names.singular = (spec.names.kind ?? '').toLowerCase();
    if ((spec.names.listKind ?? '') === '') spec.names.listKind = `${spec.names.kind ?? ''}List`;
  }
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service !== undefined) service.port ??= 443;
}
