import type { FieldError } from '../../../machinery/status-error.ts';

export type Level = 'privileged' | 'baseline' | 'restricted';

/** Least strict first. */
const levels: readonly Level[] = ['privileged', 'baseline', 'restricted'];
const prefix = 'pod-security.kubernetes.io/';
const latest = Number.POSITIVE_INFINITY;

/** What a pod is held against. */
export interface LevelVersion {
  readonly level: Level;
  /** The minor version of Kubernetes whose rules hold; infinite for the latest. */
  readonly minor: number;
}

export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

type Labels = Readonly<Record<string, string>>;

/** `restricted:latest`, `baseline:v1.30` */
export function formatLevelVersion({ level, minor }: LevelVersion): string {
  return `${level}:${minor === latest ? 'latest' : `v1.${minor}`}`;
}

export function isSameLevel(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.minor === b.minor;
}

/** Positive: the first is the stricter one. */
export function compareLevels(a: Level, b: Level): number {
  return levels.indexOf(a) - levels.indexOf(b);
}

/**
 * The policy that a namespace's labels say, as k8s.io/pod-security-admission/api.PolicyToEvaluate: what cannot be read is
 * as strict as can be where it is enforced, and nothing where it only tells.
 */
export function policyOf(labels: Labels | undefined): ReadPolicy {
  if (labels === undefined) return readPolicy(labels);
  // Every pod asks, and a namespace's labels are the same object until it is written again.
  let known = remembered.get(labels);
  if (known === undefined) {
    known = readPolicy(labels);
    remembered.set(labels, known);
  }
  return known;
}

const remembered = new WeakMap<Labels, ReadPolicy>();

interface ReadPolicy {
  readonly policy: Policy;
  readonly errors: readonly FieldError[];
}

function readPolicy(labels: Labels | undefined): ReadPolicy {
  const errors: FieldError[] = [];
  const read = (mode: string, onError: Level): LevelVersion => ({
    level: levelOf(labels, `${prefix}${mode}`, onError, errors),
    minor: minorOf(labels, `${prefix}${mode}-version`, errors),
  });
  const enforce = read('enforce', 'restricted');
  const audit = read('audit', 'privileged');
  const asked = read('warn', 'privileged');
  const saysWarn = labels?.[`${prefix}warn`] !== undefined || labels?.[`${prefix}warn-version`] !== undefined;
  // Who only enforces wants to be told at the Deployment already.
  const warn = !saysWarn && compareLevels(enforce.level, asked.level) > 0 ? enforce : asked;
  return { policy: { enforce, audit, warn }, errors };
}

function levelOf(labels: Labels | undefined, label: string, onError: Level, errors: FieldError[]): Level {
  const value = labels?.[label];
  if (value === undefined) return 'privileged';
  const level = levels.find((candidate) => candidate === value);
  if (level !== undefined) return level;
  errors.push(invalidLabel(label, value, `must be one of ${levels.join(', ')}`));
  return onError;
}

function minorOf(labels: Labels | undefined, label: string, errors: FieldError[]): number {
  const value = labels?.[label];
  if (value === undefined || value === 'latest') return latest;
  const minor = /^v1\.(0|[1-9][0-9]*)$/.exec(value)?.[1];
  if (minor !== undefined) return Number(minor);
  errors.push(invalidLabel(label, value, 'must be "latest" or "v1.x"'));
  return latest;
}

function invalidLabel(label: string, value: string, detail: string): FieldError {
  return { type: 'invalid', field: `metadata.labels[${label}]`, value, detail };
}
