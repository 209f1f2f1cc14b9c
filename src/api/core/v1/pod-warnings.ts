import { FieldPath, specPath } from '../../field-errors.ts';
import type { Container, EnvVar, Pod, PodSpec } from './types.generated.ts';

/** Deprecated or misleading, but allowed: what kubectl prints as `Warning:` (pkg/api/pod/warnings.go). */
export function podWarnings(pod: Pod, old?: Pod): string[] {
  // An update that leaves the spec alone need not repeat what was said at its creation.
  if (old !== undefined && old.metadata.generation === pod.metadata.generation) return [];
  return pod.spec === undefined || pod.spec === null ? [] : podSpecWarnings(pod.spec, specPath);
}

export function podTemplateWarnings(spec: PodSpec | undefined, path: FieldPath = templateSpecPath): string[] {
  return spec === undefined || spec === null ? [] : podSpecWarnings(spec, path);
}

const templateSpecPath = new FieldPath('spec', new FieldPath('template', specPath));

const deprecatedNodeLabels: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};

function podSpecWarnings(spec: PodSpec, path: FieldPath): string[] {
  const warnings: string[] = [];
  for (const label of Object.keys(spec.nodeSelector ?? {})) {
    const text = Object.hasOwn(deprecatedNodeLabels, label) ? deprecatedNodeLabels[label] : undefined;
    if (text !== undefined) warnings.push(`${path.child('nodeSelector').key(label)}: ${text}`);
  }
  spec.volumes?.forEach((volume, index) => {
    if (volume.gitRepo) warnings.push(`${path.at('volumes', index).child('gitRepo')}: deprecated in v1.11`);
  });
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    warnings.push(
      `${path.child('terminationGracePeriodSeconds')}: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  }
  containerWarnings(spec.containers, 'containers', path, warnings);
  containerWarnings(spec.initContainers, 'initContainers', path, warnings);
  return warnings;
}

function containerWarnings(
  containers: readonly Container[] | undefined,
  list: string,
  path: FieldPath,
  warnings: string[],
): void {
  containers?.forEach((container, index) => {
    if (container.env && container.env.length > 1) envWarnings(container.env, path.at(list, index), warnings);
    for (const name of ['limits', 'requests'] as const) {
      const memory = container.resources?.[name]?.['memory'];
      if (typeof memory === 'string' && memory.endsWith('m')) {
        const at = path.at(list, index).child('resources').child(name).key('memory');
        warnings.push(`${at}: fractional byte value ${JSON.stringify(memory)} is invalid, must be an integer`);
      }
    }
  });
}

function envWarnings(env: readonly EnvVar[], path: FieldPath, warnings: string[]): void {
  const seen = new Map<string, EnvVar>();
  env.forEach((variable, index) => {
    const before = seen.get(variable.name);
    // `PATH=$(PATH):more` means the earlier one on purpose.
    if (before !== undefined && !variable.value?.includes(`$(${variable.name})`)) {
      const quoted = JSON.stringify(variable.name);
      warnings.push(
        `${path.at('env', index)}: hides previous definition of ${quoted}, which may be dropped when using apply`,
      );
    }
    seen.set(variable.name, variable);
  });
}
