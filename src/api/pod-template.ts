import { selectorOf } from '../machinery/labels.ts';
import type { KubeObject } from '../machinery/meta.ts';
import type { LabelSelector } from '../machinery/meta-types.generated.ts';
import type { FieldError } from '../machinery/status-error.ts';
import { podTemplateWarnings } from './core/v1/pod-warnings.ts';
import type { PodTemplateSpec } from './core/v1/types.generated.ts';
import { type FieldPath, forbiddenField, invalidValue, notSupported } from './field-errors.ts';

interface Templated extends KubeObject {
  spec: { template?: PodTemplateSpec };
}

/** What upstream warns of in a template; an update that leaves the spec alone need not repeat it. */
export function templateWarnings({ metadata, spec }: Templated, old?: Templated): string[] {
  if (old !== undefined && old.metadata.generation === metadata.generation) return [];
  return podTemplateWarnings(spec.template?.spec);
}

/** What the kinds that keep pods running (all but jobs) demand of their template. */
export function checkLongRunningTemplate(
  errors: FieldError[],
  path: FieldPath,
  template: PodTemplateSpec | undefined,
  kind: string,
): void {
  const restartPolicy = template?.spec?.restartPolicy;
  if (restartPolicy !== 'Always') {
    errors.push(notSupported(path.child('spec').child('restartPolicy'), restartPolicy ?? '', ['Always']));
  }
  if (template?.spec?.activeDeadlineSeconds !== undefined) {
    const detail = `activeDeadlineSeconds in ${kind} is not Supported`;
    errors.push(forbiddenField(path.child('spec').child('activeDeadlineSeconds'), detail));
  }
}

/** The pods made from a template must be the ones that the selector finds. A bad selector is told of elsewhere. */
export function checkSelectorMatchesTemplate(
  errors: FieldError[],
  path: FieldPath,
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
): void {
  const labels = template?.metadata?.labels;
  const compiled = compile(selector);
  if (compiled === undefined || compiled.empty || compiled.matches(labels)) return;
  const at = path.child('metadata').child('labels');
  errors.push(invalidValue(at, labels ?? null, '`selector` does not match template `labels`'));
}

function compile(selector: LabelSelector | undefined): ReturnType<typeof selectorOf> | undefined {
  try {
    return selectorOf(selector);
  } catch {
    // The selector's own check says what is wrong with it.
    return undefined;
  }
}
