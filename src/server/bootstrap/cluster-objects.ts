import { localProvisioner } from '../../api/core/v1/local-storage.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { ObjectAccess } from '../contract.ts';
import { ensureObject } from './ensure.ts';

export interface ClusterFacts {
  readonly serviceCidr: string;
  /** The first address of the service network: the service `kubernetes`. */
  readonly serviceIp: string;
  /** Where pods and other hosts reach the server. */
  readonly advertiseAddress: string;
  readonly port: number;
  /** PEM. */
  readonly caCertificate: string;
  /** PEM: signs what the server shows to extension servers. */
  readonly frontProxyCaCertificate: string;
}

const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];
const core = (resource: string): { group: string; resource: string } => ({ group: '', resource });

export async function ensureNamespaces(objects: ObjectAccess): Promise<void> {
  await Promise.all(
    systemNamespaces.map((name) =>
      ensureObject(objects, core('namespaces'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
    ),
  );
}

export async function ensurePriorityClasses(objects: ObjectAccess): Promise<void> {
  const of = { group: 'scheduling.k8s.io', resource: 'priorityclasses' };
  const wanted = (name: string, value: number, description: string): UnknownObject => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
    description,
    preemptionPolicy: 'PreemptLowerPriority',
  });
  await Promise.all([
    ensureObject(
      objects,
      of,
      wanted(
        'system-cluster-critical',
        2_000_000_000,
        'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
      ),
    ),
    ensureObject(
      objects,
      of,
      wanted(
        'system-node-critical',
        2_000_001_000,
        'Used for system critical pods that must not be moved from their current node.',
      ),
    ),
  ]);
}

/** Claims that name no class are met with a directory on the node of their pod. */
export async function ensureStorageClass(objects: ObjectAccess): Promise<void> {
  await ensureObject(
    objects,
    { group: 'storage.k8s.io', resource: 'storageclasses' },
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'local', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: localProvisioner,
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'WaitForFirstConsumer',
      allowVolumeExpansion: true,
    },
  );
}

/** The service `kubernetes` with its endpoints, under which pods reach the API. */
export async function ensureKubernetesService(objects: ObjectAccess, facts: ClusterFacts): Promise<void> {
  await ensureObject(
    objects,
    { group: 'networking.k8s.io', resource: 'servicecidrs' },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'kubernetes' },
      spec: { cidrs: [facts.serviceCidr] },
    },
  );
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  await ensureObject(objects, core('services'), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels },
    spec: {
      type: 'ClusterIP',
      clusterIP: facts.serviceIp,
      clusterIPs: [facts.serviceIp],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      sessionAffinity: 'None',
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: facts.port }],
    },
  });
  // The API lets no endpoint be a loopback address; a host with nothing else serves no pods.
  if (isLoopback(facts.advertiseAddress)) return;
  await Promise.all([ensureEndpoints(objects, facts), ensureEndpointSlice(objects, facts)]);
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

async function ensureEndpoints(objects: ObjectAccess, { advertiseAddress, port }: ClusterFacts): Promise<void> {
  const subsets = [{ addresses: [{ ip: advertiseAddress }], ports: [{ name: 'https', port, protocol: 'TCP' }] }];
  const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  const wanted = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'kubernetes', namespace: 'default', labels },
    subsets,
  };
  await ensureObject(objects, core('endpoints'), wanted, (kept) => replaceField(kept, 'subsets', subsets));
}

async function ensureEndpointSlice(objects: ObjectAccess, { advertiseAddress, port }: ClusterFacts): Promise<void> {
  const endpoints = [{ addresses: [advertiseAddress], conditions: { ready: true } }];
  const ports = [{ name: 'https', port, protocol: 'TCP' }];
  const labels = { 'kubernetes.io/service-name': 'kubernetes' };
  const wanted = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'kubernetes', namespace: 'default', labels },
    addressType: advertiseAddress.includes(':') ? 'IPv6' : 'IPv4',
    endpoints,
    ports,
  };
  await ensureObject(objects, { group: 'discovery.k8s.io', resource: 'endpointslices' }, wanted, (kept) => {
    const changedEndpoints = replaceField(kept, 'endpoints', endpoints);
    return replaceField(kept, 'ports', ports) || changedEndpoints;
  });
}

/** What an extension API server needs to believe the certificates that this server believes. */
export async function ensureAuthenticationConfig(
  objects: ObjectAccess,
  { caCertificate, frontProxyCaCertificate }: ClusterFacts,
): Promise<void> {
  const data = {
    'client-ca-file': caCertificate,
    'requestheader-client-ca-file': frontProxyCaCertificate,
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-username-headers': '["X-Remote-User"]',
    'requestheader-uid-headers': '["X-Remote-Uid"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
  };
  const metadata = { name: 'extension-apiserver-authentication', namespace: 'kube-system' };
  const wanted = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
  await ensureObject(objects, core('configmaps'), wanted, (kept) =>
    replaceField(kept, 'data', { ...(kept['data'] as object | undefined), ...data }),
  );
}

function replaceField(kept: UnknownObject, field: string, wanted: unknown): boolean {
  if (JSON.stringify(kept[field]) === JSON.stringify(wanted)) return false;
  kept[field] = structuredClone(wanted);
  return true;
}
