import * as builtin from '../api/resource-types.ts';
import { type KubeObject, parseGroupVersion, type ResourceType } from '../machinery/meta.ts';
import { UserError } from './user-error.ts';

/** The built-in resource that a manifest's apiVersion and kind name. */
export function resourceTypeOf(object: KubeObject): ResourceType<KubeObject> {
  const { group, version } = parseGroupVersion(object.apiVersion);
  const found = Object.values(builtin).find(
    (type) => type.group === group && type.version === version && type.kind === object.kind,
  );
  if (found === undefined)
    throw new UserError(`No built-in kind "${object.kind}" in "${object.apiVersion}"; check the manifest`);
  return {
    group: found.group,
    version: found.version,
    resource: found.resource,
    kind: found.kind,
    namespaced: found.namespaced,
  };
}
