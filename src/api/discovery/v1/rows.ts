import { isIP } from 'node:net';
import { equal } from '../../../machinery/json.ts';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, isValidPortNum } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { checkImmutable, checkRequiredChoice, checkText } from '../../field-checks.ts';
import { duplicate, FieldPath, invalidEach, invalidValue, required, tooMany } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from './types.generated.ts';

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];
const endpointsMax = 1000;
const portsMax = 20_000;
const addressesMax = 100;
/** Cells show this many items and count the rest. */
const shownMax = 3;

export const discoveryResources: readonly ResourceDefinition[] = [
  defineResource<EndpointSlice>({
    group: 'discovery.k8s.io',
    version: 'v1',
    kind: 'EndpointSlice',
    resource: 'endpointslices',
    schema: 'discovery/v1.EndpointSlice',
    columns: [
      nameColumn,
      column<EndpointSlice>('AddressType', ({ addressType }) => addressType),
      column<EndpointSlice>('Ports', ({ ports }) => portsCell(ports)),
      column<EndpointSlice>('Endpoints', ({ endpoints }) => endpointsCell(endpoints)),
      ageColumn,
    ],
    allowCreateOnUpdate: true,
    prepareForCreate(slice) {
      slice.metadata.generation = 1;
    },
    // Everything but labels and annotations stands at the top level here, so the generation is kept by hand.
    prepareForUpdate(slice, old) {
      const before = Math.max(old.metadata.generation ?? 0, 1);
      const isSame = equal(contentOf(slice), contentOf(old)) && equal(slice.metadata.labels, old.metadata.labels);
      slice.metadata.generation = isSame ? before : before + 1;
    },
    defaults: applyDefaults,
    validate: (slice) => validateEndpointSlice(slice),
    validateUpdate(slice, old) {
      const errors = validateEndpointSlice(slice);
      checkImmutable(errors, new FieldPath('addressType'), slice.addressType, old.addressType);
      return errors;
    },
  }),
];

function contentOf({ addressType, endpoints, ports }: EndpointSlice): unknown {
  return { addressType, endpoints: endpoints ?? [], ports: ports ?? [] };
}

function applyDefaults(slice: EndpointSlice): void {
  for (const port of slice.ports ?? []) {
    port.name ??= '';
    port.protocol ??= 'TCP';
  }
}

function validateEndpointSlice({ addressType, endpoints, ports }: EndpointSlice): FieldError[] {
  const errors: FieldError[] = [];
  checkRequiredChoice(errors, new FieldPath('addressType'), addressType, addressTypes);
  const endpointsPath = new FieldPath('endpoints');
  const count = endpoints?.length ?? 0;
  if (count > endpointsMax) errors.push(tooMany(endpointsPath, count, endpointsMax));
  else
    endpoints?.forEach((endpoint, index) => {
      checkEndpoint(errors, endpointsPath.index(index), endpoint, addressType);
    });
  checkPorts(errors, new FieldPath('ports'), ports ?? []);
  return errors;
}

function checkEndpoint(errors: FieldError[], path: FieldPath, endpoint: Endpoint, addressType: string): void {
  const addressesPath = path.child('addresses');
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) errors.push(required(addressesPath, 'must contain at least 1 address'));
  else if (addresses.length > addressesMax) errors.push(tooMany(addressesPath, addresses.length, addressesMax));
  addresses.forEach((address, index) => {
    checkAddress(errors, addressesPath.index(index), address, addressType);
  });
  if (endpoint.nodeName !== undefined) checkText(errors, path.child('nodeName'), endpoint.nodeName, isDns1123Subdomain);
  if (endpoint.hostname !== undefined) checkText(errors, path.child('hostname'), endpoint.hostname, isDns1123Label);
  for (const key of Object.keys(endpoint.deprecatedTopology ?? {})) {
    invalidEach(errors, path.child('deprecatedTopology'), key, isQualifiedName(key));
  }
}

function checkAddress(errors: FieldError[], path: FieldPath, address: string, addressType: string): void {
  if (addressType === 'FQDN') {
    invalidEach(errors, path, address, isDns1123Subdomain(address));
    return;
  }
  const family = addressType === 'IPv6' ? 6 : 4;
  if (isIP(address) === 0) {
    errors.push(invalidValue(path, address, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
  } else if (isIP(address) !== family) {
    errors.push(invalidValue(path, address, `must be an IPv${family} address`));
  } else if (isSpecial(address)) {
    errors.push(invalidValue(path, address, specialDetail(address)));
  }
}

function isSpecial(address: string): boolean {
  return specialDetail(address) !== '';
}

/** Why no endpoint may have the address: pkg/apis/core/validation.ValidateEndpointIP. */
function specialDetail(address: string): string {
  if (address === '0.0.0.0' || address === '::') return 'may not be unspecified (0.0.0.0 or ::)';
  if (address.startsWith('127.') || address === '::1') return 'may not be in the loopback range (127.0.0.0/8, ::1/128)';
  if (address.startsWith('169.254.') || /^fe[89ab]/i.test(address)) {
    return 'may not be in the link-local range (169.254.0.0/16, fe80::/10)';
  }
  if (address.startsWith('224.0.0.') || /^ff02:/i.test(address)) {
    return 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)';
  }
  return '';
}

function checkPorts(errors: FieldError[], path: FieldPath, ports: readonly EndpointPort[]): void {
  if (ports.length > portsMax) {
    errors.push(tooMany(path, ports.length, portsMax));
    return;
  }
  const names = new Set<string>();
  ports.forEach((port, index) => {
    const at = path.index(index);
    const name = port.name ?? '';
    if (name !== '') checkText(errors, at.child('name'), name, isDns1123Label);
    if (names.has(name)) errors.push(duplicate(at.child('name'), name));
    names.add(name);
    if (port.port !== undefined) {
      for (const text of isValidPortNum(port.port)) errors.push(invalidValue(at.child('port'), port.port, text));
    }
    checkRequiredChoice(errors, at.child('protocol'), port.protocol, ['TCP', 'UDP', 'SCTP']);
    if (port.appProtocol !== undefined) checkText(errors, at.child('appProtocol'), port.appProtocol, isQualifiedName);
  });
}

function portsCell(ports: readonly EndpointPort[] | undefined): string {
  if (ports === undefined || ports.length === 0) return '<unset>';
  return shown(ports.map((port) => (port.port === undefined ? '*' : String(port.port))));
}

function endpointsCell(endpoints: readonly Endpoint[] | undefined): string {
  const addresses = (endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? []);
  return addresses.length === 0 ? '<unset>' : shown(addresses);
}

function shown(items: readonly string[]): string {
  const rest = items.length - shownMax;
  return rest > 0 ? `${items.slice(0, shownMax).join(',')} + ${rest} more...` : items.join(',');
}
