import { isIP } from 'node:net';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { checkImmutable } from '../../field-checks.ts';
import { invalidValue, required, specPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { isCidr } from './cidr.ts';
import type { IPAddress, ServiceCIDR } from './types.generated.ts';

const cidrDetail = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

/** One address that is taken by a Service. */
export const ipAddressResource: ResourceDefinition = defineResource<IPAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  resource: 'ipaddresses',
  shortNames: ['ip'],
  namespaced: false,
  schema: 'networking/v1.IPAddress',
  columns: [nameColumn, column<IPAddress>('ParentRef', parentCell)],
  selectableFields: {
    'spec.parentRef.group': ({ spec }) => spec?.parentRef?.group ?? '',
    'spec.parentRef.resource': ({ spec }) => spec?.parentRef?.resource ?? '',
    'spec.parentRef.namespace': ({ spec }) => spec?.parentRef?.namespace ?? '',
    'spec.parentRef.name': ({ spec }) => spec?.parentRef?.name ?? '',
  },
  validateName: (name) =>
    isIP(name) === 0 ? 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)' : undefined,
  validate: (address) => validateIpAddress(address),
  validateUpdate(address, old) {
    const errors = validateIpAddress(address);
    checkImmutable(errors, specPath.child('parentRef'), address.spec?.parentRef, old.spec?.parentRef);
    return errors;
  },
});

/** A range from which cluster addresses of Services are taken. */
export const serviceCidrResource: ResourceDefinition = defineResource<ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  resource: 'servicecidrs',
  namespaced: false,
  schema: 'networking/v1.ServiceCIDR',
  columns: [nameColumn, column<ServiceCIDR>('CIDRs', ({ spec }) => (spec.cidrs ?? []).join(',')), ageColumn],
  statusSubresource: true,
  defaults(range) {
    range.spec ??= {};
  },
  validate: (range) => validateServiceCidr(range),
  validateUpdate(range, old) {
    const errors = validateServiceCidr(range);
    checkImmutable(errors, specPath.child('cidrs').index(0), range.spec.cidrs?.[0], old.spec.cidrs?.[0]);
    return errors;
  },
});

function parentCell({ spec }: IPAddress): string {
  const parent = spec?.parentRef;
  if (parent === undefined) return '<none>';
  const noun = (parent.group ?? '') === '' ? parent.resource : `${parent.resource}.${parent.group}`;
  return [noun, parent.namespace ?? '', parent.name].filter((part) => part !== '').join('/');
}

function validateIpAddress({ spec }: IPAddress): FieldError[] {
  const errors: FieldError[] = [];
  const path = specPath.child('parentRef');
  if (spec?.parentRef === undefined) return [required(path)];
  if ((spec.parentRef.resource ?? '') === '') errors.push(required(path.child('resource')));
  if ((spec.parentRef.name ?? '') === '') errors.push(required(path.child('name')));
  return errors;
}

function validateServiceCidr({ spec }: ServiceCIDR): FieldError[] {
  const path = specPath.child('cidrs');
  const cidrs = spec?.cidrs ?? [];
  if (cidrs.length === 0) return [required(path, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalidValue(path, cidrs, 'may only hold up to 2 values')];
  return cidrs.flatMap((cidr, index) => (isCidr(cidr) ? [] : [invalidValue(path.index(index), cidr, cidrDetail)]));
}
