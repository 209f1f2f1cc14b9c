import { isIPv6 } from 'node:net';
import type { Answer, RecordType } from 'dns-packet';
import type { Service } from '../../../api/core/v1/types.generated.ts';
import { parseIpv4 } from '../ipv4.ts';
import { clusterIpsOf, type EndpointRecord, type PortRecord, type ServiceRecords } from './service-records.ts';

/** Seconds, upstream's. */
const ttl = 5;
const srvWeight = 100;

export interface ZoneAnswer {
  readonly rcode: 'NOERROR' | 'NXDOMAIN';
  readonly answers: readonly Answer[];
  readonly additionals: readonly Answer[];
  /** An alias that leads out of the cluster: to be looked up elsewhere. */
  readonly follow?: string;
}

export interface ZoneQuestion {
  /** As asked, without a final dot. */
  readonly name: string;
  readonly type: RecordType;
}

const empty: ZoneAnswer = { rcode: 'NOERROR', answers: [], additionals: [] };
const missing: ZoneAnswer = { rcode: 'NXDOMAIN', answers: [], additionals: [] };

/**
 * The names of the cluster, by the specification "Kubernetes DNS-Based Service Discovery": services, their ports and
 * endpoints, pods by address, and the way back from addresses. Pure over the records it is given.
 */
export class ClusterZone {
  readonly #domain: string;
  readonly #records: ServiceRecords;

  constructor(domain: string, records: ServiceRecords) {
    this.#domain = domain.toLowerCase();
    this.#records = records;
  }

  /** Undefined when the name is none of the cluster's. */
  resolve(question: ZoneQuestion): ZoneAnswer | undefined {
    const name = question.name.toLowerCase();
    if (name.endsWith('.in-addr.arpa')) return this.#resolveAddress(question, name);
    if (name === this.#domain) return empty;
    if (!name.endsWith(`.${this.#domain}`)) return undefined;
    const labels = name.slice(0, -this.#domain.length - 1).split('.');
    const zone = labels.pop();
    if (zone === 'svc') return this.#resolveService(question, labels);
    if (zone === 'pod') return resolvePod(question, labels);
    return missing;
  }

  /** The start of authority that goes with an answer without records: how long its absence holds. */
  authority(): Answer {
    return {
      type: 'SOA',
      name: this.#domain,
      ttl,
      data: {
        mname: `ns.dns.${this.#domain}`,
        rname: `hostmaster.${this.#domain}`,
        serial: 1,
        refresh: 7200,
        retry: 1800,
        expire: 86_400,
        minimum: ttl,
      },
    };
  }

  #resolveService(question: ZoneQuestion, labels: readonly string[]): ZoneAnswer {
    const namespace = labels.at(-1);
    const name = labels.at(-2);
    if (namespace === undefined) return empty;
    if (name === undefined) return this.#records.hasNamespace(namespace) ? empty : missing;
    const service = this.#records.service(namespace, name);
    if (service === undefined) return missing;
    if (service.spec?.type === 'ExternalName') return alias(question, service, labels.length);
    const parts = labels.slice(0, -2);
    const [first = '', second = ''] = parts;
    if (parts.length === 0) return this.#resolveHosts(question, service);
    if (parts.length === 2 && first.startsWith('_') && second.startsWith('_')) {
      return this.#resolvePort(question, service, first.slice(1), second.slice(1));
    }
    return parts.length === 1 ? this.#resolveEndpoint(question, service, first) : missing;
  }

  #resolveHosts(question: ZoneQuestion, service: Service): ZoneAnswer {
    if (question.type === 'SRV') return this.#resolvePort(question, service, undefined, undefined);
    const ips = clusterIpsOf(service);
    const addresses = ips.length > 0 ? ips : this.#endpointsOf(service).flatMap((endpoint) => endpoint.addresses);
    return addresses.length === 0 ? missing : addressAnswer(question, addresses);
  }

  #resolveEndpoint(question: ZoneQuestion, service: Service, hostname: string): ZoneAnswer {
    const endpoints = this.#endpointsOf(service).filter((endpoint) => endpoint.hostname === hostname);
    if (endpoints.length === 0) return missing;
    return addressAnswer(
      question,
      endpoints.flatMap((endpoint) => endpoint.addresses),
    );
  }

  /** SRV records of the ports that match; undefined matches all. */
  #resolvePort(
    question: ZoneQuestion,
    service: Service,
    portName: string | undefined,
    protocol: string | undefined,
  ): ZoneAnswer {
    const matches = (port: PortRecord): boolean =>
      (portName === undefined || port.name === portName) &&
      (protocol === undefined || port.protocol.toLowerCase() === protocol);
    const targets = this.#portTargets(service, matches);
    if (targets.length === 0) return missing;
    if (question.type !== 'SRV') return empty;
    const weight = Math.max(1, Math.floor(srvWeight / targets.length));
    return {
      rcode: 'NOERROR',
      answers: targets.map(({ target, port }) => ({
        type: 'SRV',
        name: question.name,
        ttl,
        data: { priority: 0, weight, port, target },
      })),
      additionals: targets.flatMap(({ target, addresses }) => addressRecords(target, addresses)),
    };
  }

  #portTargets(
    service: Service,
    matches: (port: PortRecord) => boolean,
  ): { target: string; port: number; addresses: readonly string[] }[] {
    const { name, namespace } = service.metadata;
    const host = `${name}.${namespace}.svc.${this.#domain}`;
    const ips = clusterIpsOf(service);
    if (ips.length === 0) {
      return this.#endpointsOf(service).flatMap(({ hostname, addresses, ports }) =>
        ports.filter(matches).map(({ port }) => ({ target: `${hostname}.${host}`, port, addresses })),
      );
    }
    return (service.spec?.ports ?? [])
      .filter(({ name: own = '', protocol: ownProtocol = 'TCP', port }) =>
        matches({ name: own, protocol: ownProtocol, port }),
      )
      .map(({ port }) => ({ target: host, port, addresses: ips }));
  }

  #endpointsOf({ metadata }: Service): readonly EndpointRecord[] {
    return this.#records.endpoints(metadata.namespace ?? '', metadata.name ?? '');
  }

  #resolveAddress(question: ZoneQuestion, name: string): ZoneAnswer | undefined {
    const address = name.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.');
    const names = this.#records.namesOf(address);
    if (names.length === 0) return undefined;
    if (question.type !== 'PTR') return empty;
    return {
      rcode: 'NOERROR',
      answers: names.map((own) => ({ type: 'PTR', name: question.name, ttl, data: `${own}.svc.${this.#domain}` })),
      additionals: [],
    };
  }
}

function alias(question: ZoneQuestion, service: Service, labelCount: number): ZoneAnswer {
  const target = (service.spec?.externalName ?? '').replace(/\.$/, '');
  if (labelCount !== 2 || target === '') return missing;
  return {
    rcode: 'NOERROR',
    answers: [{ type: 'CNAME', name: question.name, ttl, data: target }],
    additionals: [],
    ...(question.type === 'CNAME' ? {} : { follow: target }),
  };
}

/** `10-244-0-5.default.pod`: the address is in the name, nothing is looked up. */
function resolvePod(question: ZoneQuestion, labels: readonly string[]): ZoneAnswer {
  if (labels.length < 2) return empty;
  const dashed = labels[0] ?? '';
  const address = dashed.replaceAll('-', '.');
  if (labels.length > 2) return missing;
  if (parseIpv4(address) !== undefined) return addressAnswer(question, [address]);
  const address6 = dashed.replaceAll('-', ':');
  return isIPv6(address6) ? addressAnswer(question, [address6]) : missing;
}

function addressAnswer({ name, type }: ZoneQuestion, addresses: readonly string[]): ZoneAnswer {
  const answers = addressRecords(name, shuffled(addresses)).filter((answer) => answer.type === type);
  return { rcode: 'NOERROR', answers, additionals: [] };
}

function addressRecords(name: string, addresses: readonly string[]): Answer[] {
  return addresses.map((data) => ({ type: data.includes(':') ? 'AAAA' : 'A', name, ttl, data }));
}

/** Clients tend to take the first, so each should come first now and then. */
function shuffled<T>(items: readonly T[]): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i -= 1) {
    const j = Math.floor(Math.random() * (i + 1));
    const held = copy[i] as T;
    copy[i] = copy[j] as T;
    copy[j] = held;
  }
  return copy;
}
