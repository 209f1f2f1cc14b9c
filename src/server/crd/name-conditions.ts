import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
} from '../../api/apiextensions/v1/types.generated.ts';
import { rfc3339 } from '../../machinery/time.ts';

/** Which of the wanted names a definition may have, and why not the others: upstream's naming controller. */
export interface NameDecision {
  readonly accepted: CustomResourceDefinitionNames;
  readonly namesAccepted: ConditionFacts;
  readonly established: ConditionFacts;
}

export interface ConditionFacts {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** `others`: the definitions of the same group. `isTaken`: the plural is that of a resource that is built in. */
export function decideNames(
  definition: CustomResourceDefinition,
  others: readonly Pick<CustomResourceDefinition, 'status'>[],
  isTaken: (plural: string) => boolean,
): NameDecision {
  const wanted = definition.spec.names;
  const before = definition.status?.acceptedNames;
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { status } of others) {
    const { plural = '', singular = '', shortNames = [], kind = '', listKind = '' } = status?.acceptedNames ?? {};
    for (const name of [plural, singular, ...shortNames]) if (name !== '') resources.add(name);
    for (const name of [kind, listKind]) if (name !== '') kinds.add(name);
  }
  const conflicts: { reason: string; message: string }[] = [];
  const check = (reason: string, name: string, isUsed: boolean): boolean => {
    if (isUsed) conflicts.push({ reason, message: `${JSON.stringify(name)} is already in use` });
    return !isUsed;
  };
  const { plural, singular = '', shortNames = [], kind, listKind = '' } = wanted;
  const pluralFree = check('PluralConflict', plural, resources.has(plural) || isTaken(plural));
  const singularFree = check('SingularConflict', singular, singular !== '' && resources.has(singular));
  const shortFree = shortNames.filter((name) => check('ShortNamesConflict', name, resources.has(name)));
  const kindFree = check('KindConflict', kind, kinds.has(kind));
  const listKindFree = check('ListKindConflict', listKind, listKind !== '' && kinds.has(listKind));
  const accepted: CustomResourceDefinitionNames = {
    plural: pluralFree ? plural : (before?.plural ?? ''),
    kind: kindFree ? kind : (before?.kind ?? ''),
  };
  const acceptedSingular = singularFree ? singular : before?.singular;
  const acceptedListKind = listKindFree ? listKind : before?.listKind;
  const acceptedShort = shortFree.length === shortNames.length ? shortNames : (before?.shortNames ?? []);
  if (acceptedSingular !== undefined && acceptedSingular !== '') accepted.singular = acceptedSingular;
  if (acceptedListKind !== undefined && acceptedListKind !== '') accepted.listKind = acceptedListKind;
  if (acceptedShort.length > 0) accepted.shortNames = acceptedShort;
  if (wanted.categories !== undefined && wanted.categories.length > 0) accepted.categories = wanted.categories;
  const [conflict] = conflicts;
  return {
    accepted,
    namesAccepted:
      conflict === undefined
        ? { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }
        : {
            type: 'NamesAccepted',
            status: 'False',
            reason: conflict.reason,
            message: conflicts.map(({ message }) => message).join(', '),
          },
    established: establishedFacts(definition, conflict === undefined),
  };
}

/** Once established, a definition stays so. */
function establishedFacts(definition: CustomResourceDefinition, areNamesAccepted: boolean): ConditionFacts {
  if (areNamesAccepted || isConditionTrue(definition, 'Established')) {
    return {
      type: 'Established',
      status: 'True',
      reason: 'InitialNamesAccepted',
      message: 'the initial names have been accepted',
    };
  }
  return { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
}

export function isConditionTrue({ status }: CustomResourceDefinition, type: string): boolean {
  return status?.conditions?.find((condition) => condition.type === type)?.status === 'True';
}

/** A group of upstream's own needs somebody's word that it may be defined. Undefined for every other group. */
export function approvalFacts({ metadata, spec }: CustomResourceDefinition): ConditionFacts | undefined {
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(spec.group)) return undefined;
  const annotation = 'api-approved.kubernetes.io';
  const value = metadata.annotations?.[annotation] ?? '';
  const type = 'KubernetesAPIApprovalPolicyConformant';
  if (value === '') {
    const message = `protected groups must have approval annotation "${annotation}", see https://github.com/kubernetes/enhancements/pull/1111`;
    return { type, status: 'False', reason: 'MissingAnnotation', message };
  }
  if (value.startsWith('unapproved')) {
    return { type, status: 'False', reason: 'UnapprovedAnnotation', message: `not approved: ${JSON.stringify(value)}` };
  }
  return { type, status: 'True', reason: 'ApprovedAnnotation', message: `approved in ${value}` };
}

/** Puts a condition in; its time moves with its status. Answers whether anything changed. Changes `conditions`. */
export function setCondition(
  conditions: CustomResourceDefinitionCondition[],
  { type, status, reason, message }: ConditionFacts,
  now: number,
): boolean {
  const found = conditions.find((condition) => condition.type === type);
  if (found === undefined) {
    conditions.push({ lastTransitionTime: rfc3339(now), message, reason, status, type });
    return true;
  }
  if (found.status === status && found.reason === reason && found.message === message) return false;
  if (found.status !== status) found.lastTransitionTime = rfc3339(now);
  Object.assign(found, { status, reason, message });
  return true;
}
