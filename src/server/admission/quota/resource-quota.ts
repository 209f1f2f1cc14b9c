import { growth } from '../../../api/core/v1/quota/amounts.ts';
import { unsaidResources } from '../../../api/core/v1/quota/pod-usage.ts';
import { isInScope } from '../../../api/core/v1/quota/scopes.ts';
import { quotaUsage, resourceOfQuotaName } from '../../../api/core/v1/quota/usage.ts';
import type { Pod, ResourceQuota } from '../../../api/core/v1/types.generated.ts';
import { as } from '../../../api/resource.ts';
import type { ObjectAccess } from '../../contract.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../request.ts';
import { refuse } from '../refusals.ts';
import { QuotaLedger, resourceQuotas } from './quota-ledger.ts';

/** What an update can make larger. */
const growing = new Set(['/pods', '/services', '/persistentvolumeclaims']);

/** Refuses what the quotas of a namespace have no room for. Stands last: what it has counted is written. */
export function resourceQuota(objects: ObjectAccess, now: () => number): AdmissionPlugin {
  const ledger = new QuotaLedger(objects);
  const quotasIn = new Map<string, number>();
  const count = (namespace: string, by: number): void => {
    const left = (quotasIn.get(namespace) ?? 0) + by;
    if (left > 0) quotasIn.set(namespace, left);
    else quotasIn.delete(namespace);
  };
  const known = new Set<string>();
  objects.onChange(resourceQuotas, ({ type, namespace, name }) => {
    const key = `${namespace}/${name}`;
    if (type === 'delete' && known.delete(key)) count(namespace, -1);
    else if (type === 'put' && !known.has(key)) {
      known.add(key);
      count(namespace, 1);
    }
  });
  for (const { metadata } of objects.list(resourceQuotas)) {
    known.add(`${metadata.namespace ?? ''}/${metadata.name}`);
    count(metadata.namespace ?? '', 1);
  }
  return {
    name: 'ResourceQuota',
    handles: ({ operation, group, resource, subresource }) => {
      if (quotasIn.size === 0) return false;
      if (operation === 'CREATE') return subresource === '';
      if (operation !== 'UPDATE' || !growing.has(`${group}/${resource}`)) return false;
      return subresource === '' || (resource === 'pods' && subresource === 'resize');
    },
    async validate(attributes) {
      const { namespace, object, oldObject, dryRun } = attributes;
      if (namespace === '' || object === undefined || !quotasIn.has(namespace)) return;
      const at = now();
      const usage = quotaUsage(attributes, object, at);
      const delta = oldObject === undefined ? usage : growth(usage, quotaUsage(attributes, oldObject, at));
      if (delta.size === 0) return;
      await ledger.charge(namespace, {
        countedBy: (quota) => countedNames(quota, attributes),
        unsaid: (_quota, counted) => unsaid(attributes, counted),
        delta,
        dryRun,
        refusal: (why) => refuse(attributes, why),
      });
    },
  };
}

function countedNames({ spec, status }: ResourceQuota, attributes: AdmissionAttributes): string[] {
  const { group, resource, object } = attributes;
  if (object === undefined || !isInScope(spec, attributes, object)) return [];
  return Object.keys(status?.hard ?? spec.hard ?? {}).filter((name) => {
    const of = resourceOfQuotaName(name);
    return of.group === group && of.resource === resource;
  });
}

function unsaid({ group, resource, object }: AdmissionAttributes, counted: readonly string[]): string {
  if (group !== '' || resource !== 'pods' || object === undefined) return '';
  const missing = unsaidResources(as<Pod>(object), counted);
  return missing === '' ? '' : `must specify ${missing}`;
}
