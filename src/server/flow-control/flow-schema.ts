import type { FlowSchema } from '../../api/flowcontrol/v1/types.generated.ts';
import type { RequestInfo, UserInfo } from '../request.ts';

type Rule = NonNullable<FlowSchema['spec']['rules']>[number];
type Subject = Rule['subjects'][number];

/** What the matching of a request looks at. */
export interface FlowRequest {
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly path: string;
}

type RequestTest = (request: FlowRequest) => boolean;

/** A FlowSchema in a form that is quick to ask; matches as k8s.io/apiserver/pkg/util/flowcontrol/rule.go. */
export class CompiledFlowSchema {
  readonly name: string;
  readonly uid: string;
  readonly levelName: string;
  readonly precedence: number;
  readonly #distinguisher: string | undefined;
  readonly #rules: readonly { readonly hasSubject: (user: UserInfo) => boolean; readonly tests: RequestTest[] }[];

  constructor({ metadata, spec }: FlowSchema) {
    this.name = metadata.name ?? '';
    this.uid = metadata.uid ?? '';
    this.levelName = spec.priorityLevelConfiguration.name;
    this.precedence = spec.matchingPrecedence ?? 1000;
    this.#distinguisher = spec.distinguisherMethod?.type;
    this.#rules = (spec.rules ?? []).map((rule) => ({
      hasSubject: (user) => rule.subjects.some((subject) => isSubject(subject, user)),
      tests: testsOf(rule),
    }));
  }

  /** What of this schema can match requests of `user`; undefined for nothing. */
  testsFor(user: UserInfo): readonly RequestTest[] | undefined {
    const tests = this.#rules.filter(({ hasSubject }) => hasSubject(user)).flatMap((rule) => rule.tests);
    return tests.length === 0 ? undefined : tests;
  }

  /** Requests of one flow wait in line behind each other; flows take turns. */
  flowOf({ user, info }: FlowRequest): string {
    switch (this.#distinguisher) {
      case 'ByUser':
        return user.name;
      case 'ByNamespace':
        return info.namespace;
      default:
        return '';
    }
  }
}

/** Finds the schema of a request: the first in order of precedence, then of name. What a user can match is remembered. */
export class FlowSchemaList {
  readonly #schemas: readonly CompiledFlowSchema[];
  readonly #ofUser = new WeakMap<UserInfo, readonly (readonly [CompiledFlowSchema, readonly RequestTest[]])[]>();

  constructor(schemas: readonly CompiledFlowSchema[]) {
    this.#schemas = schemas.toSorted((a, b) => a.precedence - b.precedence || (a.name < b.name ? -1 : 1));
  }

  find(request: FlowRequest): CompiledFlowSchema | undefined {
    const { user } = request;
    let candidates = this.#ofUser.get(user);
    if (candidates === undefined) {
      candidates = this.#schemas.flatMap((schema) => {
        const tests = schema.testsFor(user);
        return tests === undefined ? [] : [[schema, tests] as const];
      });
      this.#ofUser.set(user, candidates);
    }
    for (const [schema, tests] of candidates) for (const test of tests) if (test(request)) return schema;
    return undefined;
  }
}

function isSubject(subject: Subject, { name, groups }: UserInfo): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.user?.name === '*' || subject.user?.name === name;
    case 'Group':
      return subject.group?.name === '*' || groups.includes(subject.group?.name ?? '');
    case 'ServiceAccount': {
      const prefix = `system:serviceaccount:${subject.serviceAccount?.namespace}:`;
      const account = subject.serviceAccount?.name;
      return name.startsWith(prefix) && (account === '*' || name === `${prefix}${account}`);
    }
    default:
      return false;
  }
}

function testsOf({ resourceRules = [], nonResourceRules = [] }: Rule): RequestTest[] {
  return [
    ...resourceRules.map(({ verbs, apiGroups, resources, namespaces = [], clusterScope = false }): RequestTest => {
      const isVerb = oneOf(verbs);
      const isGroup = oneOf(apiGroups);
      const isResource = oneOf(resources);
      const isNamespace = oneOf(namespaces);
      return ({ info }) =>
        info.isResourceRequest &&
        isVerb(info.verb) &&
        isGroup(info.apiGroup) &&
        isResource(info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`) &&
        (info.namespace === '' ? clusterScope : isNamespace(info.namespace));
    }),
    ...nonResourceRules.map(({ verbs, nonResourceURLs }): RequestTest => {
      const isVerb = oneOf(verbs);
      return ({ info, path }) => !info.isResourceRequest && isVerb(info.verb) && nonResourceURLs.some(isUnder(path));
    }),
  ];
}

const yes = (): boolean => true;

function oneOf(values: readonly string[]): (value: string) => boolean {
  return values.includes('*') ? yes : (value) => values.includes(value);
}

const isUnder =
  (path: string) =>
  (url: string): boolean =>
    url === path || url === '*' || (url.endsWith('*') && path.startsWith(url.slice(0, -1)));
