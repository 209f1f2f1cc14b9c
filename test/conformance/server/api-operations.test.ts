/** Behaviours that ask of a kind what is asked of every kind: each is a row, run by one driver. */
import { behaviour } from '../behaviour.ts';
import { type LifecycleCase, type PartCase, runLifecycle } from '../lifecycle.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();

type Of = Omit<LifecycleCase, 'group' | 'resource' | 'kind' | 'namespaced'>;

function cluster(name: string, group: string, resource: string, kind: string, of: Of): void {
  behaviour(name, () => runLifecycle(suite.api, { ...of, group, resource, kind, namespaced: false }, ''));
}

function namespaced(name: string, group: string, resource: string, kind: string, of: Of): void {
  behaviour(name, () => runLifecycle(suite.api, { ...of, group, resource, kind, namespaced: true }, 'default'));
}

const condition = { type: 'PatchedStatus', status: 'True', reason: 'Test', message: 'Set by a test' };
const transitioned = { ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' };

/** `/status` of a kind with conditions; `entry` where their shape is stricter. */
function conditions(entry: Readonly<Record<string, unknown>> = transitioned): PartCase {
  return {
    name: 'status',
    patch: { status: { conditions: [entry] } },
    path: 'status.conditions.0.type',
    update: (object) => {
      const status = object['status'] as { conditions: unknown[] };
      status.conditions.push({ ...entry, type: 'UpdatedStatus' });
    },
    updatedPath: 'status.conditions.1.type',
  };
}

const template = {
  metadata: { labels: { app: 'lifecycle' } },
  spec: { containers: [{ name: 'main', image: 'example.test/none' }] },
};
const selector = { matchLabels: { app: 'lifecycle' } };

/** `/approval` and `/status` of a request: a condition by patch, another by update. */
const certificatePart = (name: string, type: string, updated: string): PartCase => ({
  name,
  patch: { status: { conditions: [{ ...condition, type }] } },
  path: 'status.conditions.0.type',
  update: (object) => {
    (object['status'] as { conditions: unknown[] }).conditions.push({ ...condition, type: updated });
  },
  updatedPath: 'status.conditions.1.type',
});

behaviour('CertificateSigningRequest API', async () => {
  const request = Buffer.from(await certificateRequest()).toString('base64');
  const body = () => ({
    spec: { request, signerName: 'example.com/e2e', usages: ['client auth'], expirationSeconds: 3600 },
  });
  const kind = {
    group: 'certificates.k8s.io',
    resource: 'certificatesigningrequests',
    kind: 'CertificateSigningRequest',
  };
  for (const part of [
    certificatePart('approval', 'Approved', 'ApprovalUpdated'),
    certificatePart('status', 'StatusPatched', 'StatusUpdated'),
  ]) {
    await runLifecycle(suite.api, { ...kind, namespaced: false, body, parts: [part] }, '');
  }
});

async function certificateRequest(): Promise<string> {
  await import('reflect-metadata');
  const { Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=e2e.example.com',
    keys,
    signingAlgorithm: algorithm,
  });
  return made.toString('pem');
}

cluster('Priority and Fairness FlowSchema API', 'flowcontrol.apiserver.k8s.io', 'flowschemas', 'FlowSchema', {
  body: () => ({ spec: { matchingPrecedence: 10000, priorityLevelConfiguration: { name: 'global-default' } } }),
  change: { patch: { spec: { matchingPrecedence: 9999 } }, path: 'spec.matchingPrecedence' },
  parts: [conditions()],
});
cluster(
  'Priority and Fairness PriorityLevelConfiguration API',
  'flowcontrol.apiserver.k8s.io',
  'prioritylevelconfigurations',
  'PriorityLevelConfiguration',
  {
    body: () => ({
      spec: { type: 'Limited', limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } } },
    }),
    change: {
      patch: { spec: { limited: { nominalConcurrencyShares: 4 } } },
      path: 'spec.limited.nominalConcurrencyShares',
    },
    parts: [conditions()],
  },
);

namespaced('EndpointSlice API', 'discovery.k8s.io', 'endpointslices', 'EndpointSlice', {
  body: () => ({ addressType: 'IPv4', endpoints: [{ addresses: ['1.2.3.4', '5.6.7.8'] }] }),
});
namespaced('Ingress API', 'networking.k8s.io', 'ingresses', 'Ingress', {
  body: () => ({
    spec: { defaultBackend: { service: { name: 'default-backend', port: { number: 80 } } } },
  }),
  change: { patch: { spec: { ingressClassName: 'patched' } }, path: 'spec.ingressClassName' },
  parts: [
    {
      name: 'status',
      patch: { status: { loadBalancer: { ingress: [{ ip: '169.1.1.1' }] } } },
      path: 'status.loadBalancer.ingress.0.ip',
      update: (object) => Object.assign(object, { status: { loadBalancer: { ingress: [{ ip: '169.1.1.2' }] } } }),
      updatedPath: 'status.loadBalancer.ingress.0.ip',
    },
  ],
});
cluster('IngressClass API', 'networking.k8s.io', 'ingressclasses', 'IngressClass', {
  body: () => ({ spec: { controller: 'example.com/controller' } }),
});
cluster('IPAddress API', 'networking.k8s.io', 'ipaddresses', 'IPAddress', {
  name: (suffix, index) => `192.168.${Number.parseInt(suffix.slice(0, 2), 16)}.${index + 1}`,
  body: () => ({ spec: { parentRef: { resource: 'services', name: 'foo', namespace: 'bar' } } }),
});
cluster('ServiceCIDR API', 'networking.k8s.io', 'servicecidrs', 'ServiceCIDR', {
  body: (index) => ({ spec: { cidrs: [`10.20${index}.0.0/24`] } }),
  parts: [conditions()],
});

cluster('RuntimeClass API', 'node.k8s.io', 'runtimeclasses', 'RuntimeClass', {
  body: () => ({ handler: 'conformance' }),
});
namespaced('lease API should be available', 'coordination.k8s.io', 'leases', 'Lease', {
  body: () => ({
    spec: {
      holderIdentity: 'holder',
      leaseDurationSeconds: 30,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:05.000000Z',
      leaseTransitions: 0,
    },
  }),
  change: { patch: { spec: { holderIdentity: 'another', leaseTransitions: 1 } }, path: 'spec.holderIdentity' },
});
namespaced('PodTemplate lifecycle', '', 'podtemplates', 'PodTemplate', { body: () => ({ template }) });
namespaced('ConfigMap lifecycle', '', 'configmaps', 'ConfigMap', {
  body: () => ({ data: { valueName: 'value' } }),
  change: { patch: { data: { valueName: 'value1' } }, path: 'data.valueName' },
});
namespaced('Secret patching', '', 'secrets', 'Secret', {
  body: () => ({ type: 'Opaque', data: { key: 'dmFsdWU=' } }),
  change: { patch: { data: { key: 'dmFsdWUx' } }, path: 'data.key' },
});
namespaced('ServiceAccount lifecycle test', '', 'serviceaccounts', 'ServiceAccount', {
  body: () => ({}),
  change: { patch: { automountServiceAccountToken: true }, path: 'automountServiceAccountToken' },
});
namespaced('Endpoint resource lifecycle', '', 'endpoints', 'Endpoints', {
  body: () => ({ subsets: [{ addresses: [{ ip: '10.0.0.24' }], ports: [{ name: 'http', port: 80 }] }] }),
  change: {
    patch: {
      subsets: [{ addresses: [{ ip: '10.0.0.25' }], ports: [{ name: 'http-test', port: 8080, protocol: 'TCP' }] }],
    },
    path: 'subsets.0.ports.0.port',
  },
});
namespaced('LimitRange, list, patch and delete a LimitRange by collection', '', 'limitranges', 'LimitRange', {
  body: () => ({ spec: { limits: [{ type: 'Container', max: { cpu: '500m' }, default: { cpu: '300m' } }] } }),
});
namespaced('ResourceQuota, manage lifecycle of a ResourceQuota', '', 'resourcequotas', 'ResourceQuota', {
  body: () => ({ spec: { hard: { cpu: '1', memory: '500Mi' } } }),
  change: { patch: { spec: { hard: { memory: '750Mi' } } }, path: 'spec.hard.memory' },
});
namespaced('Service, deletes a collection of services', '', 'services', 'Service', {
  body: () => ({ spec: { ports: [{ port: 80 }], selector: { app: 'none' } } }),
});
namespaced('Service, complete ServiceStatus lifecycle', '', 'services', 'Service', {
  body: () => ({ spec: { type: 'LoadBalancer', ports: [{ port: 80 }], selector: { app: 'none' } } }),
  parts: [
    {
      name: 'status',
      patch: { status: { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } } },
      path: 'status.loadBalancer.ingress.0.ip',
      update: (object) => Object.assign(object['status'] as object, { conditions: [transitioned] }),
      updatedPath: 'status.conditions.0.type',
    },
  ],
});
cluster('Node, resource lifecycle', '', 'nodes', 'Node', {
  body: () => ({
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', message: 'Set from a test' }] },
  }),
});

namespaced('CronJob API Operations', 'batch', 'cronjobs', 'CronJob', {
  body: () => ({
    spec: {
      schedule: '*/1 * * * *',
      suspend: true,
      jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: 'OnFailure' } } } },
    },
  }),
  change: { patch: { spec: { schedule: '*/2 * * * *' } }, path: 'spec.schedule' },
  parts: [
    {
      name: 'status',
      patch: { status: { lastScheduleTime: '2026-01-01T00:00:00Z' } },
      path: 'status.lastScheduleTime',
      update: (object) => Object.assign(object['status'] as object, { lastScheduleTime: '2026-01-01T01:00:00Z' }),
      updatedPath: 'status.lastScheduleTime',
    },
  ],
});
namespaced('DaemonSet, list and delete a collection of DaemonSets', 'apps', 'daemonsets', 'DaemonSet', {
  body: () => ({ spec: { selector, template } }),
});
namespaced('DaemonSet, status sub-resource', 'apps', 'daemonsets', 'DaemonSet', {
  body: () => ({ spec: { selector, template } }),
  parts: [conditions()],
});
namespaced('Deployment, status sub-resource', 'apps', 'deployments', 'Deployment', {
  body: () => ({ spec: { replicas: 0, selector, template } }),
  parts: [conditions()],
});
namespaced('ReplicaSet, list and delete a collection of ReplicaSets', 'apps', 'replicasets', 'ReplicaSet', {
  body: () => ({ spec: { replicas: 0, selector, template } }),
  change: { patch: { spec: { minReadySeconds: 2 } }, path: 'spec.minReadySeconds' },
});
namespaced('ReplicaSet, status sub-resource', 'apps', 'replicasets', 'ReplicaSet', {
  body: () => ({ spec: { replicas: 0, selector, template } }),
  parts: [conditions()],
});
namespaced('StatefulSet, list, patch and delete a collection of StatefulSets', 'apps', 'statefulsets', 'StatefulSet', {
  body: () => ({ spec: { replicas: 0, serviceName: 'none', selector, template } }),
});
namespaced('StatefulSet, status sub-resource', 'apps', 'statefulsets', 'StatefulSet', {
  body: () => ({ spec: { replicas: 0, serviceName: 'none', selector, template } }),
  parts: [conditions()],
});
namespaced('PodDisruptionBudget: list and delete collection', 'policy', 'poddisruptionbudgets', 'PodDisruptionBudget', {
  body: () => ({ spec: { minAvailable: 1, selector } }),
});
namespaced(
  'PodDisruptionBudget: create, update, patch, and delete object',
  'policy',
  'poddisruptionbudgets',
  'PodDisruptionBudget',
  {
    body: () => ({ spec: { minAvailable: 1, selector } }),
    change: { patch: { spec: { minAvailable: 2 } }, path: 'spec.minAvailable' },
  },
);
namespaced('Jobs, manage lifecycle', 'batch', 'jobs', 'Job', {
  body: () => ({ spec: { suspend: true, template: { spec: { ...template.spec, restartPolicy: 'Never' } } } }),
});
namespaced('Jobs, apply changes to status', 'batch', 'jobs', 'Job', {
  body: () => ({ spec: { suspend: true, template: { spec: { ...template.spec, restartPolicy: 'Never' } } } }),
  parts: [conditions()],
});
namespaced('PodDisruptionBudget: update and patch status', 'policy', 'poddisruptionbudgets', 'PodDisruptionBudget', {
  body: () => ({ spec: { minAvailable: 1, selector } }),
  parts: [conditions()],
});
namespaced('Replication Controller, lifecycle', '', 'replicationcontrollers', 'ReplicationController', {
  body: () => ({ spec: { replicas: 0, selector: { app: 'lifecycle' }, template } }),
  parts: [conditions()],
});

const policy = {
  matchConstraints: {
    resourceRules: [{ apiGroups: ['example.test'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['none'] }],
  },
  failurePolicy: 'Ignore',
};
cluster(
  'ValidatingAdmissionPolicy API',
  'admissionregistration.k8s.io',
  'validatingadmissionpolicies',
  'ValidatingAdmissionPolicy',
  {
    body: () => ({ spec: { ...policy, validations: [{ expression: 'object.spec.replicas <= 100' }] } }),
    change: { patch: { spec: { failurePolicy: 'Fail' } }, path: 'spec.failurePolicy' },
    parts: [conditions()],
  },
);
cluster(
  'ValidatingadmissionPolicyBinding API',
  'admissionregistration.k8s.io',
  'validatingadmissionpolicybindings',
  'ValidatingAdmissionPolicyBinding',
  { body: () => ({ spec: { policyName: 'absent.example.com', validationActions: ['Deny'] } }) },
);
const mutation = {
  patchType: 'ApplyConfiguration',
  applyConfiguration: { expression: 'Object{spec: Object.spec{replicas: 1}}' },
};
cluster(
  'MutatingAdmissionPolicy API',
  'admissionregistration.k8s.io',
  'mutatingadmissionpolicies',
  'MutatingAdmissionPolicy',
  { body: () => ({ spec: { ...policy, reinvocationPolicy: 'Never', mutations: [mutation] } }) },
);
cluster(
  'MutatingAdmissionPolicyBinding API',
  'admissionregistration.k8s.io',
  'mutatingadmissionpolicybindings',
  'MutatingAdmissionPolicyBinding',
  { body: () => ({ spec: { policyName: 'absent.example.com' } }) },
);

cluster('CSIDriver, lifecycle', 'storage.k8s.io', 'csidrivers', 'CSIDriver', {
  body: () => ({ spec: { attachRequired: false, volumeLifecycleModes: ['Ephemeral'] } }),
});
cluster('CSINode, lifecycle', 'storage.k8s.io', 'csinodes', 'CSINode', { body: () => ({ spec: { drivers: [] } }) });
namespaced('CSIStorageCapacity API', 'storage.k8s.io', 'csistoragecapacities', 'CSIStorageCapacity', {
  body: () => ({ storageClassName: 'example', capacity: '1Gi' }),
});
cluster('StorageClass, lifecycle', 'storage.k8s.io', 'storageclasses', 'StorageClass', {
  body: () => ({ provisioner: 'example.test/none' }),
});
const attachment = {
  attacher: 'example.test/none',
  nodeName: 'none',
  source: { persistentVolumeName: 'none' },
};
cluster('VolumeAttachment, lifecycle', 'storage.k8s.io', 'volumeattachments', 'VolumeAttachment', {
  body: () => ({ spec: attachment }),
});
cluster(
  'VolumeAttachment, apply changes to a volumeattachment status',
  'storage.k8s.io',
  'volumeattachments',
  'VolumeAttachment',
  {
    body: () => ({ spec: attachment }),
    parts: [
      {
        name: 'status',
        patch: { status: { attached: true } },
        path: 'status.attached',
        update: (object) => Object.assign(object, { status: { attached: false } }),
        updatedPath: 'status.attached',
      },
    ],
  },
);
cluster('VolumeAttributesClass, lifecycle', 'storage.k8s.io', 'volumeattributesclasses', 'VolumeAttributesClass', {
  body: () => ({ driverName: 'example.test', parameters: { iops: '100' } }),
});
cluster('Scheduler, Verify PriorityClass endpoints', 'scheduling.k8s.io', 'priorityclasses', 'PriorityClass', {
  body: (index) => ({ value: 100 + index }),
  change: { patch: { description: 'Updated description' }, path: 'description' },
});

cluster('CRUD operations for deviceclasses', 'resource.k8s.io', 'deviceclasses', 'DeviceClass', {
  body: () => ({ spec: { selectors: [{ cel: { expression: 'device.driver == "example.test"' } }] } }),
});
const deviceRequest = { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'example' } }] } };
namespaced('CRUD operations for resourceclaims', 'resource.k8s.io', 'resourceclaims', 'ResourceClaim', {
  body: () => ({ spec: deviceRequest }),
});
namespaced(
  'CRUD operations for resourceclaimtemplates',
  'resource.k8s.io',
  'resourceclaimtemplates',
  'ResourceClaimTemplate',
  {
    body: () => ({ spec: { spec: deviceRequest } }),
  },
);
cluster('CRUD operations for resoureslices', 'resource.k8s.io', 'resourceslices', 'ResourceSlice', {
  body: () => ({
    spec: {
      driver: 'example.test',
      nodeName: 'none',
      pool: { name: 'pool', generation: 1, resourceSliceCount: 1 },
      devices: [{ name: 'device-0' }],
    },
  }),
});
