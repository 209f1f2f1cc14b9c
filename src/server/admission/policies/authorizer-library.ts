import { CelError } from '../../cel/errors.ts';
import type { Overload } from '../../cel/library/overload.ts';
import { boolType, type CelType, type ObjectType, stringType } from '../../cel/types.ts';
import { CelObject, CelOpaque, type CelValue } from '../../cel/values.ts';
import type { AdmissionAttributes, AuthorizationAttributes, Authorizer, UserInfo } from '../../request.ts';

/**
 * An expression asks for a decision that is not there yet. Deciding may take time and expressions do not wait: the
 * expression is left, the decision made, and the expression run again.
 */
export class DecisionNeeded extends Error {
  readonly attributes: AuthorizationAttributes;
  readonly key: string;

  constructor(key: string, attributes: AuthorizationAttributes) {
    super('a decision of the authorizer is needed');
    this.key = key;
    this.attributes = attributes;
  }
}

/** The decisions of one request, as the expressions of its policies ask for them. */
export class Decisions {
  readonly #authorizer: Authorizer;
  readonly #made = new Map<string, { allowed: boolean; reason: string }>();

  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  /** Throws DecisionNeeded. */
  get(attributes: AuthorizationAttributes): { allowed: boolean; reason: string } {
    const key = JSON.stringify({ ...attributes, user: attributes.user.name });
    const made = this.#made.get(key);
    if (made === undefined) throw new DecisionNeeded(key, attributes);
    return made;
  }

  async make({ key, attributes }: DecisionNeeded): Promise<void> {
    const { decision, reason } = await this.#authorizer.authorize(attributes);
    this.#made.set(key, { allowed: decision === 'allow', reason });
  }

  /** The variable `authorizer` of a request. */
  authorizerOf(attributes: AdmissionAttributes): CelValue {
    return new RequestAuthorizer(attributes.user, this, attributes);
  }
}

class Check extends CelOpaque {
  readonly typeName: string;
  readonly attributes: AuthorizationAttributes;
  readonly decisions: Decisions;

  constructor(typeName: string, attributes: AuthorizationAttributes, decisions: Decisions) {
    super();
    this.typeName = typeName;
    this.attributes = attributes;
    this.decisions = decisions;
  }

  with(typeName: string, changed: Partial<AuthorizationAttributes>): Check {
    return new Check(typeName, { ...this.attributes, ...changed }, this.decisions);
  }

  equals(other: CelOpaque): boolean {
    return this === other;
  }
}

class Decision extends CelOpaque {
  readonly typeName = 'decision';
  readonly allowed: boolean;
  readonly reason: string;

  constructor({ allowed, reason }: { allowed: boolean; reason: string }) {
    super();
    this.allowed = allowed;
    this.reason = reason;
  }

  equals(other: CelOpaque): boolean {
    return other instanceof Decision && other.allowed === this.allowed;
  }
}

const pathCheck: CelType = { kind: 'opaque', name: 'pathCheck' };
const groupCheck: CelType = { kind: 'opaque', name: 'groupCheck' };
const resourceCheck: CelType = { kind: 'opaque', name: 'resourceCheck' };
const decision: CelType = { kind: 'opaque', name: 'decision' };

export const authorizerType: ObjectType = {
  kind: 'object',
  name: 'kubernetes.authorization.Authorizer',
  fields: new Map([['requestResource', resourceCheck]]),
};

class RequestAuthorizer extends CelObject {
  readonly type = authorizerType;
  readonly user: UserInfo;
  readonly decisions: Decisions;
  readonly #attributes: AdmissionAttributes;

  constructor(user: UserInfo, decisions: Decisions, attributes: AdmissionAttributes) {
    super();
    this.user = user;
    this.decisions = decisions;
    this.#attributes = attributes;
  }

  get(field: string): CelValue | undefined {
    if (field !== 'requestResource') return undefined;
    const { group, version, resource, subresource, namespace, name } = this.#attributes;
    const asked = { group, version, resource, subresource, namespace, name, isResourceRequest: true };
    return new Check('resourceCheck', { ...this.nothing(), ...asked }, this.decisions);
  }

  has(field: string): boolean {
    return field === 'requestResource';
  }

  fields(): readonly string[] {
    return ['requestResource'];
  }

  /** The same request, asked as another user. */
  as(user: UserInfo): RequestAuthorizer {
    return new RequestAuthorizer(user, this.decisions, this.#attributes);
  }

  check(typeName: string, asked: Partial<AuthorizationAttributes>): Check {
    return new Check(typeName, { ...this.nothing(), ...asked }, this.decisions);
  }

  nothing(): AuthorizationAttributes {
    return {
      user: this.user,
      verb: '',
      isResourceRequest: true,
      group: '',
      version: '*',
      resource: '',
      subresource: '',
      namespace: '',
      name: '',
      path: '',
    };
  }
}

const ofAuthorizer = { params: [authorizerType, stringType], kinds: ['object', 'string'] };

function text(value: CelValue | undefined): string {
  if (typeof value !== 'string') throw new CelError('no such overload');
  return value;
}

function authorizerArgument(value: CelValue | undefined): RequestAuthorizer {
  if (!(value instanceof RequestAuthorizer)) throw new CelError('no such overload');
  return value;
}

function checkArgument(value: CelValue | undefined): Check {
  if (!(value instanceof Check)) throw new CelError('no such overload');
  return value;
}

function method(name: string, of: Pick<Overload, 'params' | 'kinds' | 'result' | 'call'>, cost = 0): Overload {
  return { name, isMethod: true, ...of, cost: () => cost };
}

/** One more part of what is asked about: `.resource(x)`, `.namespace(x)`. */
function narrowed(name: string, on: CelType & { kind: 'opaque' }, field: keyof AuthorizationAttributes): Overload {
  return method(name, {
    params: [on, stringType],
    kinds: [on.name, 'string'],
    result: resourceCheck,
    call: ([check, value]) => checkArgument(check).with('resourceCheck', { [field]: text(value) }),
  });
}

/** Asking the authorizer costs as much as upstream says. */
const decisionCost = 350_000;

function decided(on: CelType & { kind: 'opaque' }): Overload {
  return method(
    'check',
    {
      params: [on, stringType],
      kinds: [on.name, 'string'],
      result: decision,
      call: ([given, verb]) => {
        const check = checkArgument(given);
        return new Decision(check.decisions.get({ ...check.attributes, verb: text(verb) }));
      },
    },
    decisionCost,
  );
}

function told(name: string, result: CelType, read: (decision: Decision) => CelValue): Overload {
  return method(name, {
    params: [decision],
    kinds: ['decision'],
    result,
    call: ([value]) => {
      if (!(value instanceof Decision)) throw new CelError('no such overload');
      return read(value);
    },
  });
}

const overloads: readonly Overload[] = [
  method('path', {
    ...ofAuthorizer,
    result: pathCheck,
    call: ([of, path]) => authorizerArgument(of).check('pathCheck', { isResourceRequest: false, path: text(path) }),
  }),
  method('group', {
    ...ofAuthorizer,
    result: groupCheck,
    call: ([of, group]) => authorizerArgument(of).check('groupCheck', { group: text(group) }),
  }),
  method('serviceAccount', {
    params: [authorizerType, stringType, stringType],
    kinds: ['object', 'string', 'string'],
    result: authorizerType,
    call: ([of, namespace, name]) => {
      const account = `system:serviceaccount:${text(namespace)}:${text(name)}`;
      const groups = ['system:serviceaccounts', `system:serviceaccounts:${text(namespace)}`, 'system:authenticated'];
      return authorizerArgument(of).as({ name: account, groups });
    },
  }),
  narrowed('resource', groupCheck, 'resource'),
  narrowed('subresource', resourceCheck, 'subresource'),
  narrowed('namespace', resourceCheck, 'namespace'),
  narrowed('name', resourceCheck, 'name'),
  decided(resourceCheck),
  decided(pathCheck),
  told('allowed', boolType, ({ allowed }) => allowed),
  told('reason', stringType, ({ reason }) => reason),
  told('errored', boolType, () => false),
  told('error', stringType, () => ''),
];

/** What expressions of admission have besides Kubernetes' common library. */
export const admissionFunctions: ReadonlyMap<string, readonly Overload[]> = new Map([
  ...overloads.map(({ name }): [string, readonly Overload[]] => [
    name,
    overloads.filter((overload) => overload.name === name),
  ]),
  [
    'jsonpatch.escapeKey',
    [
      {
        name: 'jsonpatch.escapeKey',
        isMethod: false,
        params: [stringType],
        result: stringType,
        kinds: ['string'],
        call: ([key]) => text(key).replaceAll('~', '~0').replaceAll('/', '~1'),
        cost: () => 1,
      },
    ],
  ],
]);
