import { parseGroupVersion, type UnknownObject } from '../../../machinery/meta.ts';
import type { RowCatalog } from '../../contract.ts';
import type { AdmissionAttributes, UserInfo } from '../../request.ts';
import { convertObject } from './conversion.ts';
import type { MatchedAs } from './rules.ts';

/** What a webhook or a policy is shown, in the version it knows. */
export interface ShownObjects {
  readonly as: MatchedAs;
  readonly object: UnknownObject | undefined;
  readonly oldObject: UnknownObject | undefined;
}

export async function shownAs(as: MatchedAs, attributes: AdmissionAttributes, rows: RowCatalog): Promise<ShownObjects> {
  const { object, oldObject } = attributes;
  const from = rows.find(attributes.group, attributes.version, attributes.resource);
  const to = rows.find(as.group, as.version, as.resource);
  // The object of a subresource may be of a kind of its own, which has one version only.
  if (as === attributes || from === undefined || to === undefined || attributes.kind !== from.kind) {
    return { as: attributes, object, oldObject };
  }
  return {
    as,
    object: object === undefined ? undefined : await convertObject(object, from, to),
    oldObject: oldObject === undefined ? undefined : await convertObject(oldObject, from, to),
  };
}

/** Of the object itself: what a subresource takes (Scale, Eviction) is often of another group than its resource. */
export function kindOf(
  object: UnknownObject | undefined,
  { group, version, kind }: Pick<AdmissionAttributes, 'group' | 'version' | 'kind'>,
): { group: string; version: string; kind: string } {
  const apiVersion = object?.apiVersion ?? '';
  return apiVersion === '' ? { group, version, kind } : { ...parseGroupVersion(apiVersion), kind };
}

/** As authentication.k8s.io/v1.UserInfo. */
export function shownUser({ name, uid, groups, extra }: UserInfo): object {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups,
    ...(extra === undefined ? {} : { extra }),
  };
}
