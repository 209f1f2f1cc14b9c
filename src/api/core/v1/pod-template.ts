import { column, nameColumn } from '../../columns.ts';
import { FieldPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { applyPodTemplateDefaults } from './pod-defaults.ts';
import { validatePodTemplate } from './pod-validation.ts';
import { podTemplateWarnings } from './pod-warnings.ts';
import { containerNamesCell, imagesCell, labelsCell } from './template-cells.ts';
import type { PodTemplate } from './types.generated.ts';

const templatePath = new FieldPath('template');

export const podTemplateResource: ResourceDefinition = defineResource<PodTemplate>({
  version: 'v1',
  kind: 'PodTemplate',
  resource: 'podtemplates',
  returnsDeletedObject: true,
  schema: 'core/v1.PodTemplate',
  generation: ['template'],
  columns: [
    nameColumn,
    column<PodTemplate>('Containers', ({ template }) => containerNamesCell(template), {
      description: 'Names of the containers',
    }),
    column<PodTemplate>('Images', ({ template }) => imagesCell(template), { description: 'Images of the containers' }),
    column<PodTemplate>('Pod Labels', ({ template }) => labelsCell(template?.metadata?.labels), {
      description: 'Labels of the pods made from it',
    }),
  ],
  defaults: ({ template }) => applyPodTemplateDefaults(template),
  validate: ({ template }) => validatePodTemplate(template, templatePath),
  warnings: ({ metadata, template }, old) =>
    old?.metadata.generation === metadata.generation
      ? []
      : podTemplateWarnings(template?.spec, templatePath.child('spec')),
});
