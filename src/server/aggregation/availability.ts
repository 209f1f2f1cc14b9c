import type { APIService } from '../../api/apiregistration/v1/types.generated.ts';
import type { Service } from '../../api/core/v1/types.generated.ts';
import type { EndpointSlice } from '../../api/discovery/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { APIResource, APIResourceList } from '../../machinery/meta-types.generated.ts';
import type { ObjectAccess } from '../contract.ts';
import type { Backend } from './backend.ts';

const checkMs = 5000;
const answerBytesMax = 4 * 1024 * 1024;

/** The condition `Available` of an APIService, and what its server said it has. */
export interface Availability {
  readonly isAvailable: boolean;
  readonly reason: string;
  readonly message: string;
  readonly resources?: readonly APIResource[];
}

export const localAvailability: Availability = {
  isAvailable: true,
  reason: 'Local',
  message: 'Local APIServices are always available',
};

/** Reasons and words are those of kube-aggregator's remote available controller. */
export async function checkAvailability(
  { spec }: APIService,
  backend: Backend,
  objects: ObjectAccess,
): Promise<Availability> {
  const missing = missingPart(backend, objects);
  if (missing !== undefined) return { isAvailable: false, ...missing };
  const path = `/apis/${spec.group ?? ''}/${spec.version ?? ''}`;
  try {
    const { status, text } = await get(backend, path);
    if (status < 200 || status > 299) throw new Error(`bad status from ${addressOf(backend)}${path}: ${status}`);
    return { isAvailable: true, reason: 'Passed', message: 'all checks passed', resources: resourcesIn(text) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `failing or missing response from ${addressOf(backend)}${path}: ${why}`;
    return { isAvailable: false, reason: 'FailedDiscoveryCheck', message };
  }
}

function addressOf({ service }: Backend): string {
  return `https://${service.name}.${service.namespace}.svc:${service.port}`;
}

function missingPart({ service }: Backend, objects: ObjectAccess): { reason: string; message: string } | undefined {
  const { namespace, name, port } = service;
  const found = objects.get({ group: '', resource: 'services' }, namespace, name);
  if (found === undefined) {
    return { reason: 'ServiceNotFound', message: `service/${name} in "${namespace}" is not present` };
  }
  const { spec } = as<Service>(found);
  if (spec?.type === 'ExternalName') return undefined;
  const servicePort = spec?.ports?.find((candidate) => candidate.port === port);
  if (servicePort === undefined) {
    const message = `service/${name} in "${namespace}" is not listening on port ${port}`;
    return { reason: 'ServicePortError', message };
  }
  const slices = objects
    .list({ group: 'discovery.k8s.io', resource: 'endpointslices' }, namespace)
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name)
    .map((slice) => as<EndpointSlice>(slice));
  if (slices.length === 0) {
    const message = `cannot find endpointslices for service/${name} in "${namespace}"`;
    return { reason: 'EndpointsNotFound', message };
  }
  const portName = servicePort.name ?? '';
  if (slices.some((slice) => hasReadyEndpoint(slice, portName))) return undefined;
  const message = `endpoints for service/${name} in "${namespace}" have no addresses with port name "${portName}"`;
  return { reason: 'MissingEndpoints', message };
}

function hasReadyEndpoint({ ports, endpoints }: EndpointSlice, portName: string): boolean {
  if (!(ports ?? []).some(({ name }) => (name ?? '') === portName)) return false;
  return (endpoints ?? []).some(({ conditions, addresses }) => conditions?.ready !== false && addresses.length > 0);
}

async function get(backend: Backend, path: string): Promise<{ status: number; text: string }> {
  const answer = await backend.request({
    method: 'GET',
    path,
    headers: { accept: 'application/json' },
    user: { name: 'system:kube-aggregator', groups: ['system:masters'] },
    signal: AbortSignal.timeout(checkMs),
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > answerBytesMax) throw new Error(`the answer is larger than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return { status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
}

/** An answer that is no list of resources makes its server no less available. */
function resourcesIn(text: string): readonly APIResource[] {
  try {
    const { resources } = JSON.parse(text) as Partial<APIResourceList>;
    return Array.isArray(resources) ? resources : [];
  } catch {
    return [];
  }
}
