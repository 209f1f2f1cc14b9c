import { isIP } from 'node:net';
import { isDns1123Label, isQualifiedName, isValidPortNum } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { FieldPath, invalidEach, invalidValue, notSupported, required } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { EndpointAddress, EndpointPort, Endpoints } from './types.generated.ts';

const subsetsPath = new FieldPath('subsets');
const shownMax = 3;

export const endpointsResource: ResourceDefinition = defineResource<Endpoints>({
  version: 'v1',
  kind: 'Endpoints',
  resource: 'endpoints',
  shortNames: ['ep'],
  schema: 'core/v1.Endpoints',
  columns: [
    nameColumn,
    column<Endpoints>('Endpoints', endpointsCell, { description: 'Addresses that are ready' }),
    ageColumn,
  ],
  defaults({ subsets }) {
    for (const subset of subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
  },
  validate: validateEndpoints,
  warnings: () => ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'],
  allowCreateOnUpdate: true,
});

function endpointsCell({ subsets = [] }: Endpoints): string {
  const shown: string[] = [];
  let count = 0;
  const add = (text: string): void => {
    count++;
    if (shown.length < shownMax) shown.push(text);
  };
  for (const { addresses = [], ports = [] } of subsets ?? []) {
    if (ports.length === 0) for (const { ip } of addresses) add(ip);
    for (const { port } of ports)
      for (const { ip } of addresses) add(ip?.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);
  }
  if (count === 0) return '<none>';
  const text = shown.join(',');
  return count > shownMax ? `${text} + ${count - shownMax} more...` : text;
}

function validateEndpoints({ subsets }: Endpoints): FieldError[] {
  const errors: FieldError[] = [];
  subsets?.forEach((subset, index) => {
    const path = subsetsPath.index(index);
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
    if (addresses.length === 0 && notReadyAddresses.length === 0) {
      errors.push(required(path, 'must specify `addresses` or `notReadyAddresses`'));
    }
    addresses.forEach((address, at) => {
      validateAddress(address, path.at('addresses', at), errors);
    });
    notReadyAddresses.forEach((address, at) => {
      validateAddress(address, path.at('notReadyAddresses', at), errors);
    });
    ports.forEach((port, at) => {
      validatePort(port, ports.length > 1, path.at('ports', at), errors);
    });
  });
  return errors;
}

function validateAddress({ ip, hostname, nodeName }: EndpointAddress, path: FieldPath, errors: FieldError[]): void {
  const at = path.child('ip');
  if (isIP(ip ?? '') === 0) {
    errors.push(invalidValue(at, ip ?? '', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
  } else if (ip === '0.0.0.0' || ip === '::') {
    errors.push(invalidValue(at, ip, `may not be unspecified (${ip})`));
  } else if (ip.startsWith('127.') || ip === '::1') {
    errors.push(invalidValue(at, ip, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'));
  } else if (ip.startsWith('169.254.')) {
    errors.push(invalidValue(at, ip, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'));
  }
  if (hostname) invalidEach(errors, path.child('hostname'), hostname, isDns1123Label(hostname));
  if (nodeName === '') errors.push(required(path.child('nodeName')));
}

function validatePort(port: EndpointPort, isNameRequired: boolean, path: FieldPath, errors: FieldError[]): void {
  if (!port.name) {
    if (isNameRequired) errors.push(required(path.child('name')));
  } else invalidEach(errors, path.child('name'), port.name, isDns1123Label(port.name));
  invalidEach(errors, path.child('port'), port.port ?? 0, isValidPortNum(port.port ?? 0));
  const { protocol = '', appProtocol } = port;
  if (protocol === '') errors.push(required(path.child('protocol')));
  else if (!['SCTP', 'TCP', 'UDP'].includes(protocol)) {
    errors.push(notSupported(path.child('protocol'), protocol, ['SCTP', 'TCP', 'UDP']));
  }
  if (appProtocol) invalidEach(errors, path.child('appProtocol'), appProtocol, isQualifiedName(appProtocol));
}
