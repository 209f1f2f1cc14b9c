import { ageColumn, column, nameColumn } from '../../columns.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { customSubresource, defineResource } from '../../strategy.ts';
import { applyServiceDefaults, prepareServiceForCreate, prepareServiceForUpdate } from './service-defaults.ts';
import { serviceNameProblem, validateService, validateServiceUpdate } from './service-validation.ts';
import { labelsCell } from './template-cells.ts';
import type { Service } from './types.generated.ts';

export const serviceResource: ResourceDefinition = defineResource<Service>({
  version: 'v1',
  kind: 'Service',
  resource: 'services',
  returnsDeletedObject: true,
  shortNames: ['svc'],
  categories: ['all'],
  schema: 'core/v1.Service',
  columns: [
    nameColumn,
    column<Service>('Type', ({ spec }) => spec?.type ?? '', { description: 'How it is reached' }),
    column<Service>('Cluster-IP', ({ spec }) => spec?.clusterIPs?.[0] || spec?.clusterIP || '<none>', {
      description: 'Address inside the cluster',
    }),
    column<Service>('External-IP', externalIpCell, { description: 'Addresses outside the cluster' }),
    column<Service>('Port(s)', portsCell, { description: 'Ports, with node ports after a colon' }),
    ageColumn,
    column<Service>('Selector', ({ spec }) => labelsCell(spec?.selector), {
      wide: true,
      description: 'Labels of the pods behind it',
    }),
  ],
  selectableFields: {
    'spec.clusterIP': ({ spec }) => spec?.clusterIP ?? '',
    'spec.type': ({ spec }) => spec?.type ?? '',
  },
  validateName: serviceNameProblem,
  initialStatus: () => ({ loadBalancer: {} }),
  prepareForCreate: prepareServiceForCreate,
  prepareForUpdate(service, old) {
    prepareServiceForUpdate(service, old);
    // A service that is no longer balanced keeps no balancer's addresses.
    if (old.spec?.type === 'LoadBalancer' && service.spec?.type !== 'LoadBalancer') {
      service.status = { ...old.status, loadBalancer: {} };
    }
  },
  defaults: applyServiceDefaults,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  allowCreateOnUpdate: true,
  statusSubresource: true,
  subresources: [customSubresource('proxy', 'ServiceProxyOptions', ['create', 'delete', 'get', 'patch', 'update'])],
});

function externalIpCell({ spec, status }: Service): string {
  if (spec?.type === 'ExternalName') return spec.externalName ?? '';
  const addresses = spec?.externalIPs ?? [];
  if (spec?.type !== 'LoadBalancer') return addresses.length === 0 ? '<none>' : addresses.join(',');
  const balanced = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '');
  const all = [...new Set(balanced.filter((address) => address !== '')), ...addresses];
  return all.length === 0 ? '<pending>' : all.join(',');
}

function portsCell({ spec }: Service): string {
  const ports = spec?.ports ?? [];
  if (ports.length === 0) return '<none>';
  return ports
    .map(({ port, nodePort, protocol = 'TCP' }) =>
      nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
    )
    .join(',');
}
