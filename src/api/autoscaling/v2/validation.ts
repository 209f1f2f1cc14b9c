import { quantityToNumber } from '../../../machinery/quantity.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { checkChoice, checkRequiredChoice, negativeDetail } from '../../field-checks.ts';
import { type FieldPath, forbiddenField, invalidValue, notSupported, required, specPath } from '../../field-errors.ts';
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HPAScalingRules,
  MetricSpec,
  MetricTarget,
} from './types.generated.ts';

/** Metric type -> the field that describes it. */
const sources = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
} as const;
const windowSecondsMax = 3600;
const periodSecondsMax = 1800;

export function validateAutoscaler({ spec }: HorizontalPodAutoscaler): FieldError[] {
  const errors: FieldError[] = [];
  const { minReplicas, maxReplicas = 0 } = spec;
  if (minReplicas !== undefined && minReplicas < 1) {
    errors.push(invalidValue(specPath.child('minReplicas'), minReplicas, 'must be greater than or equal to 1'));
  }
  const maxPath = specPath.child('maxReplicas');
  if (maxReplicas < 1) errors.push(invalidValue(maxPath, maxReplicas, 'must be greater than 0'));
  else if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(invalidValue(maxPath, maxReplicas, 'must be greater than or equal to `minReplicas`'));
  }
  checkReference(errors, specPath.child('scaleTargetRef'), spec.scaleTargetRef);
  spec.metrics?.forEach((metric, index) => {
    checkMetric(errors, specPath.at('metrics', index), metric);
  });
  const behaviorPath = specPath.child('behavior');
  checkRules(errors, behaviorPath.child('scaleUp'), spec.behavior?.scaleUp);
  checkRules(errors, behaviorPath.child('scaleDown'), spec.behavior?.scaleDown);
  return errors;
}

function checkReference(
  errors: FieldError[],
  path: FieldPath,
  reference: CrossVersionObjectReference | undefined,
): void {
  if ((reference?.kind ?? '') === '') errors.push(required(path.child('kind')));
  if ((reference?.name ?? '') === '') errors.push(required(path.child('name')));
}

function checkMetric(errors: FieldError[], path: FieldPath, metric: MetricSpec): void {
  const type = metric.type ?? '';
  const typePath = path.child('type');
  if (type === '') errors.push(required(typePath, 'must specify a metric source type'));
  else if (!(type in sources)) errors.push(notSupported(typePath, type, Object.keys(sources)));
  for (const [name, field] of Object.entries(sources)) {
    const isGiven = metric[field] !== undefined;
    if (name === type && !isGiven) {
      errors.push(required(path.child(field), 'must populate information for the given metric source'));
    } else if (name !== type && isGiven && type !== '') {
      errors.push(forbiddenField(path.child(field), 'must populate the given metric source only'));
    }
  }
  const { resource, containerResource, pods, object, external } = metric;
  if (resource !== undefined) checkResource(errors, path.child('resource'), resource);
  if (containerResource !== undefined) {
    const at = path.child('containerResource');
    if ((containerResource.container ?? '') === '')
      errors.push(required(at.child('container'), 'must specify a container'));
    checkResource(errors, at, containerResource);
  }
  if (pods !== undefined) {
    checkNamed(errors, path.child('pods').child('metric'), pods.metric);
    const at = path.child('pods').child('target');
    checkTarget(errors, at, pods.target);
    if (!isPositive(pods.target?.averageValue)) {
      errors.push(required(at.child('averageValue'), 'must specify a positive target averageValue'));
    }
  }
  if (object !== undefined) {
    const at = path.child('object');
    checkReference(errors, at.child('describedObject'), object.describedObject);
    checkNamed(errors, at.child('metric'), object.metric);
    checkTarget(errors, at.child('target'), object.target);
    if (object.target?.value === undefined && object.target?.averageValue === undefined) {
      const detail = 'must set either a target value or averageValue';
      errors.push(required(at.child('target').child('averageValue'), detail));
    }
  }
  if (external !== undefined) {
    const at = path.child('external');
    checkNamed(errors, at.child('metric'), external.metric);
    checkTarget(errors, at.child('target'), external.target);
    const { value, averageValue } = external.target ?? {};
    if (value !== undefined && averageValue !== undefined) {
      const detail = 'may not set both a target value for metric and a per-pod target';
      errors.push(forbiddenField(at.child('target').child('value'), detail));
    } else if (value === undefined && averageValue === undefined) {
      const detail = 'must set either a target value for metric or a per-pod target';
      errors.push(required(at.child('target').child('averageValue'), detail));
    }
  }
}

function checkResource(errors: FieldError[], path: FieldPath, source: { name?: string; target?: MetricTarget }): void {
  if ((source.name ?? '') === '') errors.push(required(path.child('name'), 'must specify a resource name'));
  const at = path.child('target');
  checkTarget(errors, at, source.target);
  const { averageUtilization, averageValue } = source.target ?? {};
  if (averageUtilization === undefined && averageValue === undefined) {
    const detail = 'must set either a target raw value or a target utilization';
    errors.push(required(at.child('averageUtilization'), detail));
  } else if (averageUtilization !== undefined && averageValue !== undefined) {
    const detail = 'may not set both a target raw value and a target utilization';
    errors.push(forbiddenField(at.child('averageValue'), detail));
  }
}

function checkNamed(errors: FieldError[], path: FieldPath, metric: { name?: string } | undefined): void {
  if ((metric?.name ?? '') === '') errors.push(required(path.child('name'), 'must specify a metric name'));
}

function checkTarget(errors: FieldError[], path: FieldPath, target: MetricTarget | undefined): void {
  const type = target?.type ?? '';
  if (type === '') errors.push(required(path.child('type'), 'must specify a metric target type'));
  else if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    errors.push(invalidValue(path.child('type'), type, 'must be either Utilization, Value, or AverageValue'));
  }
  const { value, averageValue, averageUtilization } = target ?? {};
  if (value !== undefined && !isPositive(value))
    errors.push(invalidValue(path.child('value'), value, 'must be positive'));
  if (averageValue !== undefined && !isPositive(averageValue)) {
    errors.push(invalidValue(path.child('averageValue'), averageValue, 'must be positive'));
  }
  if (averageUtilization !== undefined && averageUtilization < 1) {
    errors.push(invalidValue(path.child('averageUtilization'), averageUtilization, 'must be greater than 0'));
  }
}

function checkRules(errors: FieldError[], path: FieldPath, rules: HPAScalingRules | undefined): void {
  if (rules === undefined) return;
  const window = rules.stabilizationWindowSeconds;
  const windowPath = path.child('stabilizationWindowSeconds');
  if (window !== undefined && window < 0) errors.push(invalidValue(windowPath, window, negativeDetail));
  if (window !== undefined && window > windowSecondsMax) {
    errors.push(invalidValue(windowPath, window, `must be less than or equal to ${windowSecondsMax}`));
  }
  checkChoice(errors, path.child('selectPolicy'), rules.selectPolicy, ['Disabled', 'Max', 'Min']);
  const policies = rules.policies ?? [];
  if (policies.length === 0) errors.push(required(path.child('policies'), 'must specify at least one Policy'));
  policies.forEach((policy, index) => {
    const at = path.at('policies', index);
    const { value = 0, periodSeconds = 0 } = policy;
    checkRequiredChoice(errors, at.child('type'), policy.type, ['Percent', 'Pods']);
    if (value <= 0) errors.push(invalidValue(at.child('value'), value, 'must be greater than zero'));
    if (periodSeconds <= 0)
      errors.push(invalidValue(at.child('periodSeconds'), periodSeconds, 'must be greater than zero'));
    if (periodSeconds > periodSecondsMax) {
      const detail = `must be less than or equal to ${periodSecondsMax}`;
      errors.push(invalidValue(at.child('periodSeconds'), periodSeconds, detail));
    }
  });
}

function isPositive(quantity: number | string | undefined): boolean {
  return quantity !== undefined && quantityToNumber(quantity) > 0;
}
