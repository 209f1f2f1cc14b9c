import type { Service, ServicePort, ServiceSpec } from '../../api/core/v1/types.generated.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { apiError, type FieldError, internalError, invalid } from '../../machinery/status-error.ts';
import type { CacheEntry } from '../watch-cache/cache-entry.ts';
import type { ResourceCache } from '../watch-cache/resource-cache.ts';
import type { Reservation, ResourceHooks } from './resource-hooks.ts';
import { type AddressRange, ipToNumber, NumberPool, numberToIp, parseServiceCidr } from './service-addresses.ts';

export interface ServiceAllocationOptions {
  readonly serviceCidr: string;
  readonly nodePortRange: { readonly from: number; readonly to: number };
}

/** What a service owns. */
interface Claims {
  readonly addresses: readonly number[];
  readonly ports: readonly number[];
}

const serviceKind = { group: '', kind: 'Service' };

/**
 * Cluster IPs and node ports of Services. Who owns what is known from the cached services, so it survives restarts and
 * is given back when a service goes; a write under way reserves what it picks, and loses it when it fails.
 */
export class ServiceAllocation implements ResourceHooks {
  readonly #range: AddressRange;
  readonly #ports: { readonly from: number; readonly to: number };
  readonly #addressPool: NumberPool;
  readonly #portPool: NumberPool;

  constructor(options: ServiceAllocationOptions) {
    this.#range = parseServiceCidr(options.serviceCidr);
    this.#ports = options.nodePortRange;
    const { first, last } = this.#range;
    const { from, to } = this.#ports;
    this.#addressPool = new NumberPool(first, last, Math.min(Math.max(16, Math.floor((last - first) / 16)), 256));
    this.#portPool = new NumberPool(from, to, Math.min(Math.max(16, Math.floor((to - from) / 32)), 128));
  }

  /** Learns what is owned now and follows the cache from there. */
  follow(cache: ResourceCache): void {
    for (const entry of cache.snapshot().range('')) this.#learn(undefined, entry);
    cache.listeners.add(({ before, after }) => this.#learn(before, after));
  }

  beforeCreate(object: UnknownObject, dryRun: boolean): Reservation {
    return this.#allocate(asService(object), undefined, dryRun);
  }

  beforeUpdate(object: UnknownObject, old: UnknownObject, dryRun: boolean): Reservation {
    return this.#allocate(asService(object), asService(old), dryRun);
  }

  #allocate(service: Service, old: Service | undefined, dryRun: boolean): Reservation {
    const { spec } = service;
    const allotment = new Allotment(`${service.metadata.namespace}/${service.metadata.name}`);
    if (spec === undefined) return allotment;
    if (old?.spec !== undefined) keepAllocated(spec, old.spec);
    try {
      this.#allocateAddress(service, spec, allotment);
      this.#allocatePorts(service, spec, allotment);
    } catch (error) {
      allotment.release();
      throw error;
    }
    if (dryRun) allotment.release();
    return allotment;
  }

  #allocateAddress(service: Service, spec: ServiceSpec, allotment: Allotment): void {
    if (!hasAddress(spec)) return;
    spec.ipFamilyPolicy ??= 'SingleStack';
    if ((spec.ipFamilies ?? []).length === 0) spec.ipFamilies = ['IPv4'];
    const asked = spec.clusterIP ?? '';
    if (asked !== '' && (spec.clusterIPs ?? []).length === 0) spec.clusterIPs = [asked];
    if (asked === 'None') return;
    if (asked !== '') {
      this.#takeAddress(service, asked, allotment);
      return;
    }
    if ((spec.clusterIPs ?? []).length > 0) return;
    const picked = this.#addressPool.pick();
    if (picked === undefined) throw internalError('failed to allocate a serviceIP: range is full');
    allotment.take(this.#addressPool, picked);
    spec.clusterIP = numberToIp(picked);
    spec.clusterIPs = [spec.clusterIP];
  }

  #takeAddress(service: Service, address: string, allotment: Allotment): void {
    const number = ipToNumber(address);
    // What is no address at all is for the validation to say.
    if (number === undefined) return;
    const refuse = (why: string) =>
      refusal(service, 'spec.clusterIPs', service.spec?.clusterIPs, `failed to allocate IP ${address}: ${why}`);
    if (!this.#addressPool.contains(number)) {
      throw refuse(
        `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${this.#range.text}`,
      );
    }
    const owner = this.#addressPool.ownerOf(number);
    if (owner !== undefined && owner !== allotment.owner) throw refuse('provided IP is already allocated');
    allotment.take(this.#addressPool, number);
  }

  #allocatePorts(service: Service, spec: ServiceSpec, allotment: Allotment): void {
    if (needsNodePorts(spec)) {
      const ports = spec.ports ?? [];
      ports.forEach((port, index) => {
        if (port.nodePort !== undefined && port.nodePort !== 0) {
          this.#takePort(service, `spec.ports[${index}].nodePort`, port.nodePort, allotment);
        }
      });
      for (const port of ports) {
        if (port.nodePort !== undefined && port.nodePort !== 0) continue;
        port.nodePort = sharedNodePort(port, ports) ?? this.#pickPort(allotment);
      }
    }
    if (!needsHealthCheckPort(spec)) return;
    const { healthCheckNodePort = 0 } = spec;
    if (healthCheckNodePort !== 0) {
      this.#takePort(service, 'spec.healthCheckNodePort', healthCheckNodePort, allotment);
    } else spec.healthCheckNodePort = this.#pickPort(allotment);
  }

  #takePort(service: Service, field: string, port: number, allotment: Allotment): void {
    if (!this.#portPool.contains(port)) {
      const range = `${this.#ports.from}-${this.#ports.to}`;
      throw refusal(
        service,
        field,
        port,
        `provided port is not in the valid range. The range of valid ports is ${range}`,
      );
    }
    const owner = this.#portPool.ownerOf(port);
    if (owner !== undefined && owner !== allotment.owner) {
      throw refusal(service, field, port, 'provided port is already allocated');
    }
    allotment.take(this.#portPool, port);
  }

  #pickPort(allotment: Allotment): number {
    const port = this.#portPool.pick();
    if (port === undefined) throw apiError(500, 'InternalError', 'failed to allocate a nodePort: range is full');
    allotment.take(this.#portPool, port);
    return port;
  }

  #learn(before: CacheEntry | undefined, after: CacheEntry | undefined): void {
    const owner = (after ?? before)?.key ?? '';
    const had = claimsOf(before);
    const has = claimsOf(after);
    for (const number of had.addresses) if (!has.addresses.includes(number)) this.#addressPool.release(number, owner);
    for (const number of had.ports) if (!has.ports.includes(number)) this.#portPool.release(number, owner);
    for (const number of has.addresses) this.#addressPool.take(number, owner);
    for (const number of has.ports) this.#portPool.take(number, owner);
  }
}

/** What one write took that its service did not own before. */
class Allotment implements Reservation {
  readonly owner: string;
  readonly #taken: { readonly pool: NumberPool; readonly number: number }[] = [];

  constructor(owner: string) {
    this.owner = owner;
  }

  take(pool: NumberPool, number: number): void {
    if (pool.ownerOf(number) === this.owner) return;
    pool.take(number, this.owner);
    this.#taken.push({ pool, number });
  }

  /** Once: what is given back may be taken again by another write of the same service. */
  release(): void {
    for (const { pool, number } of this.#taken.splice(0)) pool.release(number, this.owner);
  }
}

function claimsOf(entry: CacheEntry | undefined): Claims {
  const spec = entry === undefined ? undefined : asService(entry.object).spec;
  if (spec === undefined) return { addresses: [], ports: [] };
  const addresses = (spec.clusterIPs ?? []).flatMap((address) => ipToNumber(address) ?? []);
  const ports = (spec.ports ?? []).flatMap(({ nodePort }) => (nodePort ? [nodePort] : []));
  return { addresses, ports: spec.healthCheckNodePort ? [...ports, spec.healthCheckNodePort] : ports };
}

/**
 * An update that leaves out what was allocated keeps it, and a change of type gives up what the new type has no use
 * for (pkg/registry/core/service: patchAllocatedValues, dropTypeDependentFields).
 */
function keepAllocated(spec: ServiceSpec, old: ServiceSpec): void {
  if (hasAddress(old) && hasAddress(spec)) {
    if ((spec.clusterIP ?? '') === '') spec.clusterIP = old.clusterIP ?? '';
    if ((spec.clusterIPs ?? []).length === 0 && spec.clusterIP === old.clusterIP)
      spec.clusterIPs = old.clusterIPs ?? [];
    spec.ipFamilies ??= old.ipFamilies ?? [];
    if (spec.ipFamilyPolicy === undefined && old.ipFamilyPolicy !== undefined) spec.ipFamilyPolicy = old.ipFamilyPolicy;
  } else if (hasAddress(old) && spec.clusterIP === old.clusterIP) {
    delete spec.clusterIP;
    delete spec.clusterIPs;
    delete spec.ipFamilies;
    delete spec.ipFamilyPolicy;
  }
  if (needsNodePorts(old)) {
    if (needsNodePorts(spec)) keepNodePorts(spec.ports ?? [], old.ports ?? []);
    else if (spec.type !== 'LoadBalancer') dropNodePorts(spec.ports ?? [], old.ports ?? []);
  }
  if (needsHealthCheckPort(old)) {
    if (needsHealthCheckPort(spec)) {
      if (!spec.healthCheckNodePort && old.healthCheckNodePort) spec.healthCheckNodePort = old.healthCheckNodePort;
    } else if (spec.healthCheckNodePort === old.healthCheckNodePort) delete spec.healthCheckNodePort;
  }
}

function keepNodePorts(ports: readonly ServicePort[], old: readonly ServicePort[]): void {
  const inUse = new Set(ports.map(({ nodePort, protocol }) => `${protocol} ${nodePort ?? 0}`));
  for (const port of ports) {
    if (port.nodePort) continue;
    const before = old.find((candidate) => candidate.port === port.port && candidate.protocol === port.protocol);
    if (!before?.nodePort || inUse.has(`${port.protocol} ${before.nodePort}`)) continue;
    port.nodePort = before.nodePort;
  }
}

/** Ports that were given explicitly and anew stay, so that the validation can refuse them. */
function dropNodePorts(ports: readonly ServicePort[], old: readonly ServicePort[]): void {
  const before = new Set(old.map(({ nodePort }) => nodePort));
  if (ports.every(({ nodePort }) => !nodePort || before.has(nodePort))) for (const port of ports) delete port.nodePort;
}

/** TCP and UDP of one port share their node port. */
function sharedNodePort(port: ServicePort, ports: readonly ServicePort[]): number | undefined {
  const twin = ports.find((other) => other.port === port.port && other.protocol !== port.protocol && other.nodePort);
  const shared = twin?.nodePort;
  const clash = ports.some((other) => other.protocol === port.protocol && other.nodePort === shared);
  return shared === undefined || clash ? undefined : shared;
}

function hasAddress({ type }: ServiceSpec): boolean {
  return type !== 'ExternalName';
}

function needsNodePorts({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean {
  return type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);
}

function needsHealthCheckPort({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
}

function refusal(service: Service, field: string, value: unknown, detail: string): Error {
  const error: FieldError = { type: 'invalid', field, value, detail };
  return invalid(serviceKind, service.metadata.name, [error]);
}

function asService(object: UnknownObject): Service {
  return object as unknown as Service;
}
