import { formatSelector, selectorOf } from '../../../machinery/labels.ts';
import type { KubeObject } from '../../../machinery/meta.ts';
import type { LabelSelector } from '../../../machinery/meta-types.generated.ts';
import { type Cell, column } from '../../columns.ts';
import type { PodTemplateSpec } from '../../core/v1/types.generated.ts';
import type { Column } from '../../resource.ts';

/** A kind that makes pods from a template, as far as its wide columns look. */
interface Workload extends KubeObject {
  spec: { template?: PodTemplateSpec; selector?: LabelSelector };
}

export const containersColumn: Column = column<Workload>('Containers', ({ spec }) => containerNames(spec.template), {
  wide: true,
  description: 'Names of each container in the template.',
});

export const imagesColumn: Column = column<Workload>('Images', ({ spec }) => containerImages(spec.template), {
  wide: true,
  description: 'Images referenced by each container in the template.',
});

export const selectorColumn: Column = column<Workload>('Selector', ({ spec }) => selectorCell(spec.selector), {
  wide: true,
  description: 'Label selector for pods.',
});

export function containerNames(template: PodTemplateSpec | undefined): string {
  return (template?.spec?.containers ?? []).map(({ name }) => name).join(',');
}

export function containerImages(template: PodTemplateSpec | undefined): string {
  return (template?.spec?.containers ?? []).map(({ image }) => image ?? '').join(',');
}

/** `app=web,tier in (a,b)`; `<none>` for no selector or an empty one, `<error>` for one that means nothing. */
export function selectorCell(selector: LabelSelector | undefined): Cell {
  if (selector === undefined) return '<none>';
  try {
    const text = formatSelector(selectorOf(selector));
    return text === '' ? '<none>' : text;
  } catch {
    return '<error>';
  }
}
