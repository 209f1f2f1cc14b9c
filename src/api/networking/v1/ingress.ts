import { isIP } from 'node:net';
import {
  isDns1123Subdomain,
  isValidPortName,
  isValidPortNum,
  isWildcardDns1123Subdomain,
} from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { checkImmutable, checkText } from '../../field-checks.ts';
import { type FieldPath, invalidEach, invalidValue, notSupported, required, specPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { HTTPIngressPath, Ingress, IngressBackend, IngressClass, IngressSpec } from './types.generated.ts';

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];
const controllerLengthMax = 250;

export const ingressResource: ResourceDefinition = defineResource<Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  resource: 'ingresses',
  shortNames: ['ing'],
  schema: 'networking/v1.Ingress',
  columns: [
    nameColumn,
    column<Ingress>('Class', ({ spec }) => spec.ingressClassName ?? '<none>'),
    column<Ingress>('Hosts', ({ spec }) => hostsCell(spec)),
    column<Ingress>('Address', ({ status }) =>
      (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '').join(','),
    ),
    column<Ingress>('Ports', ({ spec }) => ((spec.tls?.length ?? 0) > 0 ? '80, 443' : '80')),
    ageColumn,
  ],
  generation: ['spec'],
  initialStatus: () => ({ loadBalancer: {} }),
  statusSubresource: true,
  defaults(ingress) {
    ingress.spec ??= {};
  },
  validate: validateIngress,
});

export const ingressClassResource: ResourceDefinition = defineResource<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  resource: 'ingressclasses',
  namespaced: false,
  schema: 'networking/v1.IngressClass',
  columns: [
    nameColumn,
    column<IngressClass>('Controller', ({ spec }) => spec?.controller ?? ''),
    column<IngressClass>('Parameters', ({ spec }) => parametersCell(spec?.parameters)),
    ageColumn,
  ],
  generation: ['spec'],
  defaults({ spec }) {
    if (spec?.parameters !== undefined) spec.parameters.scope ??= 'Cluster';
  },
  validate: (ingressClass) => validateIngressClass(ingressClass),
  validateUpdate(ingressClass, old) {
    const errors = validateIngressClass(ingressClass);
    checkImmutable(errors, specPath.child('controller'), ingressClass.spec?.controller, old.spec?.controller);
    return errors;
  },
});

/** The first three hosts; `*` for an ingress that takes any. */
function hostsCell({ rules }: IngressSpec): string {
  const hosts = (rules ?? []).map(({ host }) => ((host ?? '') === '' ? '*' : (host ?? '')));
  if (hosts.length === 0) return '*';
  return hosts.length > 3 ? `${hosts.slice(0, 3).join(',')} + ${hosts.length - 3} more...` : hosts.join(',');
}

function parametersCell(parameters: { apiGroup?: string; kind: string; name: string } | undefined): string {
  if (parameters === undefined) return '<none>';
  const { apiGroup = '', kind, name } = parameters;
  return `${apiGroup === '' ? kind : `${kind}.${apiGroup}`}/${name}`;
}

function validateIngressClass({ spec }: IngressClass): FieldError[] {
  const errors: FieldError[] = [];
  const controller = spec?.controller ?? '';
  const path = specPath.child('controller');
  if (controller.length > controllerLengthMax) {
    errors.push({
      type: 'tooLong',
      field: path.toString(),
      detail: `may not be more than ${controllerLengthMax} bytes`,
    });
  } else if (controller === '') errors.push(required(path));
  else if (!controller.includes('/')) {
    errors.push(invalidValue(path, controller, 'must be a domain-prefixed path (such as "acme.io/foo")'));
  }
  return errors;
}

function validateIngress({ spec }: Ingress): FieldError[] {
  const errors: FieldError[] = [];
  const rules = spec.rules ?? [];
  if (rules.length === 0 && spec.defaultBackend === undefined) {
    errors.push(invalidValue(specPath, rules, 'either `defaultBackend` or `rules` must be specified'));
  }
  if (spec.defaultBackend !== undefined) checkBackend(errors, specPath.child('defaultBackend'), spec.defaultBackend);
  rules.forEach((rule, index) => {
    const path = specPath.at('rules', index);
    if ((rule.host ?? '') !== '') checkHost(errors, path.child('host'), rule.host ?? '');
    if (rule.http === undefined) return;
    const pathsPath = path.child('http').child('paths');
    if ((rule.http.paths?.length ?? 0) === 0) errors.push(required(pathsPath));
    rule.http.paths?.forEach((httpPath, pathIndex) => {
      checkHttpPath(errors, pathsPath.index(pathIndex), httpPath);
    });
  });
  spec.tls?.forEach((tls, index) => {
    const hostsPath = specPath.at('tls', index).child('hosts');
    tls.hosts?.forEach((host, hostIndex) => {
      const check = host.includes('*') ? isWildcardDns1123Subdomain : isDns1123Subdomain;
      checkText(errors, hostsPath.index(hostIndex), host, check);
    });
  });
  if (spec.ingressClassName !== undefined) {
    checkText(errors, specPath.child('ingressClassName'), spec.ingressClassName, isDns1123Subdomain);
  }
  return errors;
}

function checkHost(errors: FieldError[], path: FieldPath, host: string): void {
  if (isIP(host) !== 0) errors.push(invalidValue(path, host, 'must be a DNS name, not an IP address'));
  const check = host.includes('*') ? isWildcardDns1123Subdomain : isDns1123Subdomain;
  checkText(errors, path, host, check);
}

function checkHttpPath(errors: FieldError[], at: FieldPath, { path = '', pathType, backend }: HTTPIngressPath): void {
  switch (pathType) {
    case undefined:
      errors.push(required(at.child('pathType'), 'pathType must be specified'));
      break;
    case 'Exact':
    case 'Prefix':
      if (!path.startsWith('/')) errors.push(invalidValue(at.child('path'), path, 'must be an absolute path'));
      else {
        for (const part of ['//', '/./', '/../', '%2f', '%2F']) {
          if (path.includes(part)) errors.push(invalidValue(at.child('path'), path, `must not contain '${part}'`));
        }
        for (const end of ['/..', '/.']) {
          if (path.endsWith(end)) errors.push(invalidValue(at.child('path'), path, `cannot end with '${end}'`));
        }
      }
      break;
    case 'ImplementationSpecific':
      if (path !== '' && !path.startsWith('/')) {
        errors.push(invalidValue(at.child('path'), path, 'must be an absolute path'));
      }
      break;
    default:
      errors.push(notSupported(at.child('pathType'), pathType, pathTypes));
  }
  checkBackend(errors, at.child('backend'), backend ?? {});
}

function checkBackend(errors: FieldError[], path: FieldPath, { service, resource }: IngressBackend): void {
  if (service !== undefined && resource !== undefined) {
    errors.push(invalidValue(path, '', 'cannot set both resource and service backends'));
  } else if (service === undefined && resource === undefined) {
    errors.push(required(path, 'resource or service backend is required'));
  }
  if (service === undefined) return;
  const servicePath = path.child('service');
  if ((service.name ?? '') === '') errors.push(required(servicePath.child('name')));
  const { name = '', number = 0 } = service.port ?? {};
  const portPath = servicePath.child('port');
  if (name !== '' && number !== 0) {
    errors.push(invalidValue(portPath, service.port, 'cannot set both port name & port number'));
  } else if (name !== '') invalidEach(errors, portPath.child('name'), name, isValidPortName(name));
  else if (number !== 0) invalidEach(errors, portPath.child('number'), number, isValidPortNum(number));
  else errors.push(required(portPath, 'port name or number is required'));
}
