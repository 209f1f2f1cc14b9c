import { readFile } from 'node:fs/promises';
import { isJsonObject } from '../../machinery/json.ts';
import { StartupError } from '../../machinery/startup-error.ts';
import type { RequestInfo, UserInfo } from '../request.ts';

/** How much of a request is written down; each holds what those before it hold. */
export const auditLevels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type AuditLevel = (typeof auditLevels)[number];

export const auditStages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type AuditStage = (typeof auditStages)[number];

/** audit.k8s.io/v1 Policy. */
export interface AuditPolicy {
  readonly rules: readonly AuditRule[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

export interface AuditRule {
  readonly level: AuditLevel;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly {
    readonly group?: string;
    readonly resources?: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

/** Everything, without bodies: what is written when nobody gives a policy. */
export const metadataPolicy: AuditPolicy = { rules: [{ level: 'Metadata' }], omitStages: ['RequestReceived'] };

export interface AuditedRequest {
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly path: string;
}

/** What the policy says of one request. */
export interface AuditDecision {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

const nothing: AuditDecision = { level: 'None', omitStages: new Set(), omitManagedFields: false };

/** The first rule that matches decides; no rule is no audit. As k8s.io/apiserver/pkg/audit/policy/checker.go. */
export function auditDecider(policy: AuditPolicy): (request: AuditedRequest) => AuditDecision {
  const rules = policy.rules.map((rule) => ({
    rule,
    decision: {
      level: rule.level,
      omitStages: new Set([...(policy.omitStages ?? []), ...(rule.omitStages ?? [])]),
      omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields ?? false,
    },
  }));
  return (request) => rules.find(({ rule }) => matches(rule, request))?.decision ?? nothing;
}

function matches(rule: AuditRule, request: AuditedRequest): boolean {
  const { users, userGroups, verbs, namespaces, resources, nonResourceURLs } = rule;
  const { user, info, path } = request;
  if (isGiven(users) && !users.includes(user.name)) return false;
  if (isGiven(userGroups) && !user.groups.some((group) => userGroups.includes(group))) return false;
  if (isGiven(verbs) && !verbs.includes(info.verb)) return false;
  if (isGiven(namespaces) || isGiven(resources)) return matchesResource(rule, info);
  if (isGiven(nonResourceURLs)) return !info.isResourceRequest && nonResourceURLs.some((url) => isUnder(path, url));
  return true;
}

function isGiven<T>(list: readonly T[] | undefined): list is readonly T[] {
  return list !== undefined && list.length > 0;
}

function matchesResource({ namespaces, resources }: AuditRule, info: RequestInfo): boolean {
  if (!info.isResourceRequest) return false;
  if (isGiven(namespaces) && !namespaces.includes(info.namespace)) return false;
  if (!isGiven(resources)) return true;
  return resources.some(({ group = '', resources: names, resourceNames }) => {
    if (group !== info.apiGroup) return false;
    if (!isGiven(names)) return true;
    if (isGiven(resourceNames) && !resourceNames.includes(info.name)) return false;
    return names.some((name) => isResource(name, info));
  });
}

function isResource(name: string, { resource, subresource }: RequestInfo): boolean {
  if (name === '*' || name === (subresource === '' ? resource : `${resource}/${subresource}`)) return true;
  return (subresource !== '' && name === `*/${subresource}`) || name === `${resource}/*`;
}

function isUnder(path: string, url: string): boolean {
  return url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)));
}

/** Throws a StartupError that says what is wrong with the file. */
export async function readAuditPolicy(path: string): Promise<AuditPolicy> {
  const refuse = (why: string, cause?: unknown): StartupError =>
    new StartupError(`Audit policy ${path} cannot be used: ${why}`, { cause });
  let value: unknown;
  try {
    const { parse } = await import('yaml');
    value = parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error), error);
  }
  const problem = problemOf(value);
  if (problem !== undefined) throw refuse(problem);
  return value as AuditPolicy;
}

const textLists = ['users', 'userGroups', 'verbs', 'namespaces', 'nonResourceURLs'];

function problemOf(value: unknown): string | undefined {
  if (!isJsonObject(value)) return 'it is no object';
  if (value['apiVersion'] !== 'audit.k8s.io/v1' || value['kind'] !== 'Policy') return 'it is no audit.k8s.io/v1 Policy';
  const { rules } = value;
  if (!Array.isArray(rules) || rules.length === 0) return 'it has no rules';
  const problems = rules.map((rule: unknown, at) => problemOfRule(rule, `rules[${at}]`));
  return problems.find((problem) => problem !== undefined) ?? problemOfStages(value['omitStages'], 'omitStages');
}

function problemOfRule(rule: unknown, path: string): string | undefined {
  if (!isJsonObject(rule)) return `${path} is no object`;
  if (!isOneOf(rule['level'], auditLevels)) return `${path}.level is none of ${auditLevels.join(', ')}`;
  for (const field of textLists) if (!isTextList(rule[field])) return `${path}.${field} is no list of strings`;
  const { resources = [], nonResourceURLs, namespaces } = rule;
  const isResourceRule = isFilled(resources) || isFilled(namespaces);
  if (isResourceRule && isFilled(nonResourceURLs))
    return `${path} has resources and nonResourceURLs, which exclude each other`;
  if (!Array.isArray(resources)) return `${path}.resources is no list`;
  for (const entry of resources as unknown[]) {
    const isGood = isJsonObject(entry) && isTextList(entry['resources']) && isTextList(entry['resourceNames']);
    if (!isGood) return `${path}.resources holds what is no group with resources`;
    const { group = '' } = entry;
    if (typeof group !== 'string' || group.includes('/')) return `${path}.resources has a group with a version`;
  }
  return problemOfStages(rule['omitStages'], `${path}.omitStages`);
}

function problemOfStages(stages: unknown, path: string): string | undefined {
  const isGood =
    stages === undefined || (Array.isArray(stages) && stages.every((stage) => isOneOf(stage, auditStages)));
  return isGood ? undefined : `${path} holds what is none of ${auditStages.join(', ')}`;
}

function isOneOf(value: unknown, known: readonly string[]): boolean {
  return typeof value === 'string' && known.includes(value);
}

function isTextList(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every((one) => typeof one === 'string'));
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}
