import type { Service } from '../../../api/core/v1/types.generated.ts';
import type { Endpoint, EndpointSlice } from '../../../api/discovery/v1/types.generated.ts';
import type { Informer } from '../../../client/contract.ts';
import { serviceKeyOf } from '../proxy/service-port.ts';

const sliceIndex = 'dns.service';
const addressIndex = 'dns.address';

/** A host that stands behind a service, as DNS names it. */
export interface EndpointRecord {
  /** The endpoint's own host name, or its address with dashes. */
  readonly hostname: string;
  readonly addresses: readonly string[];
  /** Port name -> number and protocol. */
  readonly ports: readonly PortRecord[];
}

export interface PortRecord {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

/** What the cluster's part of DNS is answered from. */
export interface ServiceRecords {
  service(namespace: string, name: string): Service | undefined;
  hasNamespace(namespace: string): boolean;
  /** Ready endpoints only: a slice says ready for those that are to be published before that. */
  endpoints(namespace: string, name: string): readonly EndpointRecord[];
  /** Names under the services' zone (`web.default`, `web-0.web.default`) of an address. */
  namesOf(address: string): readonly string[];
}

export function informerRecords(services: Informer<Service>, slices: Informer<EndpointSlice>): ServiceRecords {
  services.addIndex(addressIndex, clusterIpsOf);
  slices.addIndex(sliceIndex, (slice) => {
    const key = serviceKeyOf(slice);
    return key === undefined ? [] : [key];
  });
  slices.addIndex(addressIndex, (slice) => (slice.endpoints ?? []).flatMap(({ addresses }) => addresses));
  return {
    service: (namespace, name) => services.get(`${namespace}/${name}`),
    hasNamespace: (namespace) => services.list(namespace).length > 0,
    endpoints: (namespace, name) => slices.byIndex(sliceIndex, `${namespace}/${name}`).flatMap(endpointRecords),
    namesOf: (address) => {
      const ofServices = services
        .byIndex(addressIndex, address)
        .map(({ metadata }) => `${metadata.name}.${metadata.namespace}`);
      if (ofServices.length > 0) return ofServices;
      return slices.byIndex(addressIndex, address).flatMap((slice) => endpointNames(slice, address));
    },
  };
}

export function clusterIpsOf({ spec }: Service): string[] {
  return (spec?.clusterIPs ?? [spec?.clusterIP ?? '']).filter((ip) => ip !== '' && ip !== 'None');
}

function endpointRecords(slice: EndpointSlice): EndpointRecord[] {
  const ports = (slice.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port }) =>
    port === undefined ? [] : [{ name, protocol, port }],
  );
  return (slice.endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .map((endpoint) => ({ hostname: hostnameOf(endpoint), addresses: endpoint.addresses, ports }));
}

function endpointNames(slice: EndpointSlice, address: string): string[] {
  const service = slice.metadata.labels?.['kubernetes.io/service-name'];
  const endpoint = slice.endpoints?.find(({ addresses }) => addresses.includes(address));
  if (service === undefined || endpoint === undefined) return [];
  return [`${hostnameOf(endpoint)}.${service}.${slice.metadata.namespace}`];
}

function hostnameOf({ hostname, addresses }: Endpoint): string {
  return hostname ?? (addresses[0] ?? '').replaceAll(/[.:]/g, '-');
}
