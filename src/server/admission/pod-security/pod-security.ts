import type { CronJob } from '../../../api/batch/v1/types.generated.ts';
import type { Pod, PodTemplate, PodTemplateSpec } from '../../../api/core/v1/types.generated.ts';
import { as } from '../../../api/resource.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { invalid } from '../../../machinery/status-error.ts';
import type { ObjectAccess } from '../../contract.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../request.ts';
import { refuse } from '../refusals.ts';
import type { AnyContainer, CheckedPod } from './check.ts';
import { containersOf } from './check.ts';
import { evaluate, formatReasons, formatViolations } from './evaluate.ts';
import { compareLevels, formatLevelVersion, isSameLevel, type LevelVersion, policyOf } from './policy.ts';

const namespaces = { group: '', resource: 'namespaces' };
const pods = { group: '', resource: 'pods' };
const ignoredPodSubresources = new Set('exec attach binding eviction log portforward proxy status resize'.split(' '));
const templated = new Set([
  '/replicationcontrollers',
  '/podtemplates',
  'apps/replicasets',
  'apps/deployments',
  'apps/statefulsets',
  'apps/daemonsets',
  'batch/jobs',
  'batch/cronjobs',
]);
const annotationPrefix = 'pod-security.kubernetes.io/';
/** Pods that a stricter label is held against at once. */
const checkedPodsMax = 3000;

/** Holds pods against the levels that their namespace's labels name, and tells of templates that would be refused. */
export function podSecurity(objects: ObjectAccess): AdmissionPlugin {
  return {
    name: 'PodSecurity',
    handles: ({ operation, group, resource, subresource }) => {
      if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
      if (group === '' && resource === 'pods') return !ignoredPodSubresources.has(subresource);
      if (subresource !== '') return false;
      return (group === '' && resource === 'namespaces') || templated.has(`${group}/${resource}`);
    },
    async validate(attributes) {
      const { group, resource, object } = attributes;
      if (object === undefined) return;
      if (group === '' && resource === 'namespaces') checkNamespace(attributes, object, objects);
      else if (group === '' && resource === 'pods') checkPod(attributes, as<Pod>(object), objects);
      else checkTemplate(attributes, object, objects);
    },
  };
}

function checkNamespace(attributes: AdmissionAttributes, object: UnknownObject, objects: ObjectAccess): void {
  const { labels, name } = object.metadata;
  const { policy, errors } = policyOf(labels);
  if (attributes.oldObject === undefined) {
    if (errors.length > 0) throw invalid({ group: '', kind: 'Namespace' }, name, errors);
    return;
  }
  const old = policyOf(attributes.oldObject.metadata.labels);
  if (errors.length > 0 && JSON.stringify(errors) !== JSON.stringify(old.errors)) {
    throw invalid({ group: '', kind: 'Namespace' }, name, errors);
  }
  const [now, before] = [policy.enforce, old.policy.enforce];
  if (isSameLevel(now, before) || now.level === 'privileged') return;
  if (now.minor === before.minor && compareLevels(now.level, before.level) < 0) return;
  attributes.warnings.push(...existingPodWarnings(objects.list(pods, name), name, now));
}

/** What is said of pods that are there already, those with the same violations together. */
function existingPodWarnings(all: readonly UnknownObject[], namespace: string, enforce: LevelVersion): string[] {
  const byReasons = new Map<string, string[]>();
  for (const object of all.slice(0, checkedPodsMax)) {
    const violations = evaluate(enforce, as<Pod>(object));
    if (violations.length === 0) continue;
    const reasons = formatReasons(violations);
    byReasons.set(reasons, [...(byReasons.get(reasons) ?? []), object.metadata.name]);
  }
  const warnings: string[] = [];
  if (all.length > checkedPodsMax) {
    warnings.push(
      `new PodSecurity enforce level only checked against the first ${checkedPodsMax} of ${all.length} existing pods`,
    );
  }
  if (byReasons.size === 0) return warnings;
  const level = JSON.stringify(formatLevelVersion(enforce));
  warnings.push(
    `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${level}`,
  );
  const lines = [...byReasons].map(([reasons, names]) => {
    const [first = ''] = names.sort();
    const others = names.length - 1;
    const more = others === 0 ? '' : others === 1 ? ' (and 1 other pod)' : ` (and ${others} other pods)`;
    return `${first}${more}: ${reasons}`;
  });
  return [...warnings, ...lines.sort()];
}

function checkPod(attributes: AdmissionAttributes, pod: Pod, objects: ObjectAccess): void {
  if (attributes.oldObject !== undefined && !isSignificantUpdate(pod, as<Pod>(attributes.oldObject))) return;
  holdAgainst(attributes, pod, objects, true);
}

function checkTemplate(attributes: AdmissionAttributes, object: UnknownObject, objects: ObjectAccess): void {
  const template = templateOf(attributes, object);
  if (template?.spec === undefined) return;
  holdAgainst(attributes, { metadata: template.metadata ?? {}, spec: template.spec }, objects, false);
}

function templateOf({ resource }: AdmissionAttributes, object: UnknownObject): PodTemplateSpec | undefined {
  if (resource === 'podtemplates') return as<PodTemplate>(object).template;
  if (resource === 'cronjobs') return as<CronJob>(object).spec?.jobTemplate?.spec?.template;
  return (object['spec'] as { template?: PodTemplateSpec } | undefined)?.template;
}

function holdAgainst(attributes: AdmissionAttributes, pod: CheckedPod, objects: ObjectAccess, enforces: boolean): void {
  const labels = objects.get(namespaces, '', attributes.namespace)?.metadata.labels;
  if (labels === undefined) return;
  const { policy, errors } = policyOf(labels);
  const note = (key: string, text: string): void => {
    attributes.annotations?.set(`${annotationPrefix}${key}`, text);
  };
  const [problem] = errors;
  if (problem !== undefined) note('error', `Failed to parse policy: ${problem.field}: ${problem.detail}`);
  const { enforce, audit, warn } = policy;
  if (enforce.level === 'privileged' && audit.level === 'privileged' && warn.level === 'privileged') return;
  if (enforces) {
    note('enforce-policy', formatLevelVersion(policy.enforce));
    const violations = evaluate(policy.enforce, pod);
    if (violations.length > 0) {
      const level = JSON.stringify(formatLevelVersion(policy.enforce));
      throw refuse(attributes, `violates PodSecurity ${level}: ${formatViolations(violations)}`);
    }
  }
  const audited = evaluate(policy.audit, pod);
  if (audited.length > 0) note('audit-violations', wouldViolate(policy.audit, formatViolations(audited)));
  const warned = evaluate(policy.warn, pod);
  if (warned.length > 0) attributes.warnings.push(wouldViolate(policy.warn, formatViolations(warned)));
}

function wouldViolate(level: LevelVersion, violations: string): string {
  return `would violate PodSecurity ${JSON.stringify(formatLevelVersion(level))}: ${violations}`;
}

/** Of what may change in a pod, images and containers are what the levels are about. */
function isSignificantUpdate(pod: Pod, old: Pod): boolean {
  const before = new Map(
    containersOf(old.spec).map((container): [string, AnyContainer] => [container.name, container]),
  );
  const now = containersOf(pod.spec);
  return now.length !== before.size || now.some(({ name, image }) => before.get(name)?.image !== image);
}
