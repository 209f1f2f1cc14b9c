import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Service } from '../api/core/v1/types.generated.ts';
import type { Endpoint, EndpointSlice } from '../api/discovery/v1/types.generated.ts';
import { as } from '../api/resource.ts';
import type { HostGateway } from '../tunnel/contract.ts';
import type { ObjectAccess } from './contract.ts';

const services = { group: '', resource: 'services' };
const endpointSlices = { group: 'discovery.k8s.io', resource: 'endpointslices' };

export interface ServicePort {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** Opens a byte stream to a port of a Service. Rejects with an Error in upstream's words. */
export type ConnectToService = (to: ServicePort, signal: AbortSignal) => Promise<Duplex>;

/**
 * The server's way to a Service: to a ready endpoint by way of its host's tunnel, which works wherever the server
 * stands, and straight to the address for endpoints that are no pods.
 */
export function serviceConnections(objects: ObjectAccess, gateway: HostGateway): ConnectToService {
  return async (to, signal) => {
    const target = targetOf(objects, to);
    const { endpoint, port } = target;
    const { nodeName, targetRef } = endpoint ?? {};
    if (nodeName !== undefined && targetRef?.kind === 'Pod' && gateway.isConnected(nodeName)) {
      const path = `/portforward/${to.namespace}/${encodeURIComponent(targetRef.name ?? '')}/${port}`;
      return (await gateway.open(nodeName, { method: 'POST', path, signal })).stream;
    }
    return connectTcp(target.address, port, signal);
  };
}

interface Target {
  readonly address: string;
  readonly port: number;
  readonly endpoint?: Endpoint;
}

function targetOf(objects: ObjectAccess, { namespace, name, port }: ServicePort): Target {
  const found = objects.get(services, namespace, name);
  if (found === undefined) throw new Error(`service ${JSON.stringify(name)} not found`);
  const { spec } = as<Service>(found);
  if (spec?.type === 'ExternalName') return { address: spec.externalName ?? '', port };
  const servicePort = spec?.ports?.find((candidate) => candidate.port === port);
  if (servicePort === undefined) throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
  const targets = readyEndpoints(objects, { namespace, name, portName: servicePort.name ?? '' });
  const target = targets[Math.floor(Math.random() * targets.length)];
  if (target === undefined) throw new Error(`no endpoints available for service ${JSON.stringify(name)}`);
  return target;
}

function readyEndpoints(
  objects: ObjectAccess,
  { namespace, name, portName }: { namespace: string; name: string; portName: string },
): Target[] {
  const targets: Target[] = [];
  for (const object of objects.list(endpointSlices, namespace)) {
    if (object.metadata.labels?.['kubernetes.io/service-name'] !== name) continue;
    const slice = as<EndpointSlice>(object);
    const port = slice.ports?.find((candidate) => (candidate.name ?? '') === portName)?.port;
    if (port === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const [address] = endpoint.addresses;
      if (endpoint.conditions?.ready !== false && address !== undefined) targets.push({ address, port, endpoint });
    }
  }
  return targets;
}

function connectTcp(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
