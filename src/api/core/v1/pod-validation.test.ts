import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clone } from '../../../machinery/json.ts';
import { type FieldError, fieldErrorMessage } from '../../../machinery/status-error.ts';
import { FieldPath } from '../../field-errors.ts';
import { applyPodDefaults, applyPodTemplateDefaults } from './pod-defaults.ts';
import { validatePodCreate, validatePodTemplate } from './pod-validation.ts';
import type { Container, Pod, PodSpec } from './types.generated.ts';

function podOf(spec: Partial<PodSpec> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default' },
    spec: { containers: [{ name: 'web', image: 'nginx' }], ...spec },
  };
}

function texts(errors: readonly FieldError[]): string[] {
  return errors.map((error) => `${error.field}: ${fieldErrorMessage(error)}`);
}

function problemsOf(spec: Partial<PodSpec>): string[] {
  const pod = podOf(clone(spec));
  applyPodDefaults(pod);
  return texts(validatePodCreate(pod));
}

const withContainer = (container: Partial<Container>): Partial<PodSpec> => ({
  containers: [{ name: 'web', image: 'nginx', ...container }],
});

const cases: readonly [string, Partial<PodSpec>, readonly string[]][] = [
  ['a plain pod is valid', {}, []],
  ['no containers', { containers: [] }, ['spec.containers: Required value']],
  [
    'a container without name and image',
    { containers: [{ name: '' }] },
    ['spec.containers[0].name: Required value', 'spec.containers[0].image: Required value'],
  ],
  [
    'two containers of one name',
    {
      containers: [
        { name: 'a', image: 'x' },
        { name: 'a', image: 'x' },
      ],
    },
    ['spec.containers[1].name: Duplicate value: "a"'],
  ],
  [
    'an init container named as a container',
    { initContainers: [{ name: 'web', image: 'x' }] },
    ['spec.initContainers[0].name: Duplicate value: "web"'],
  ],
  [
    'an init container with a probe',
    { initContainers: [{ name: 'init', image: 'x', readinessProbe: { exec: { command: ['true'] } } }] },
    [
      'spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
  ],
  [
    'a sidecar with a probe is valid',
    {
      initContainers: [
        { name: 'side', image: 'x', restartPolicy: 'Always', readinessProbe: { exec: { command: ['true'] } } },
      ],
    },
    [],
  ],
  [
    'a port out of range and of an unknown protocol',
    withContainer({ ports: [{ containerPort: 70000, protocol: 'ICMP' }] }),
    [
      'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'spec.containers[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ],
  ],
  [
    'the same host port twice',
    withContainer({
      ports: [
        { containerPort: 80, hostPort: 80 },
        { containerPort: 81, hostPort: 80 },
      ],
    }),
    ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//80"'],
  ],
  [
    'a mount without its volume',
    withContainer({ volumeMounts: [{ name: 'missing', mountPath: '/x' }] }),
    ['spec.containers[0].volumeMounts[0].name: Not found: "missing"'],
  ],
  [
    'two mounts on one path',
    {
      volumes: [{ name: 'v' }],
      ...withContainer({
        volumeMounts: [
          { name: 'v', mountPath: '/x' },
          { name: 'v', mountPath: '/x' },
        ],
      }),
    },
    ['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique'],
  ],
  [
    'a volume of two types',
    { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] },
    ['spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type'],
  ],
  [
    'volumes that leave out what they need',
    {
      volumes: [
        { name: 'a', secret: {} },
        { name: 'b', configMap: {} },
        { name: 'c', persistentVolumeClaim: { claimName: '' } },
      ],
    },
    [
      'spec.volumes[0].secret.secretName: Required value',
      'spec.volumes[1].configMap.name: Required value',
      'spec.volumes[2].persistentVolumeClaim.claimName: Required value',
    ],
  ],
  [
    'a file mode beyond 0777',
    { volumes: [{ name: 'a', configMap: { name: 'c', defaultMode: 0o1000 } }] },
    [
      'spec.volumes[0].configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive',
    ],
  ],
  [
    'a request above its limit',
    withContainer({ resources: { limits: { cpu: '500m' }, requests: { cpu: '1' } } }),
    ['spec.containers[0].resources.requests: Invalid value: "1": must be less than or equal to cpu limit of 500m'],
  ],
  [
    'a resource that is not one',
    withContainer({ resources: { limits: { gpu: '1' } } }),
    [
      'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
      'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers',
    ],
  ],
  [
    'half of an extended resource',
    withContainer({ resources: { limits: { 'example.com/gpu': '0.5' } } }),
    [
      'spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer',
      'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer',
    ],
  ],
  [
    'a variable with a value and a source',
    withContainer({ env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }),
    ['spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
  ],
  [
    'a variable from a field that there is not',
    withContainer({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'status.nothing' } } }] }),
    [
      'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "status.nothing": error converting fieldPath: field label not supported: status.nothing',
    ],
  ],
  [
    'a liveness probe that asks for two successes, with two handlers',
    withContainer({
      livenessProbe: { exec: { command: ['a'] }, httpGet: { port: 80 }, successThreshold: 2 },
    }),
    [
      'spec.containers[0].livenessProbe.httpGet: Forbidden: may not specify more than 1 handler type',
      'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
    ],
  ],
  [
    'a probe without a handler',
    withContainer({ readinessProbe: { periodSeconds: -1 } }),
    [
      'spec.containers[0].readinessProbe: Required value: must specify a handler type',
      'spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
  [
    'a privileged container that may not gain privileges',
    withContainer({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
    [
      'spec.containers[0].securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
    ],
  ],
  [
    'a restart policy that there is not',
    { restartPolicy: 'Sometimes' },
    ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
  ],
  [
    'no DNS without a configuration',
    { dnsPolicy: 'None' },
    ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
  ],
  [
    'a toleration without a key',
    { tolerations: [{ operator: 'Equal', value: 'x' }] },
    [
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ],
  ],
  [
    'node affinity without a term, and a preference without weight',
    {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] },
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, preference: {} }],
        },
      },
    },
    [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
      'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100',
    ],
  ],
  [
    'a spread that is not one',
    { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'DoNotSchedule' }] },
    [
      'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
      'spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty',
    ],
  ],
  [
    'a gated pod that has a node',
    { nodeName: 'n1', schedulingGates: [{ name: 'example.com/wait' }] },
    ['spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared'],
  ],
  [
    'ephemeral containers at creation',
    { ephemeralContainers: [{ name: 'debug', image: 'x' }] },
    ['spec.ephemeralContainers: Forbidden: cannot be set on create'],
  ],
  [
    'a deadline of nothing',
    { activeDeadlineSeconds: 0 },
    ['spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive'],
  ],
  ['a host name with dots', { hostname: 'a.b' }, ['spec.hostname: Invalid value: "a.b": must not contain dots']],
];

test('a template on the host network may leave its host ports open', () => {
  const template = {
    spec: { ...podOf({ hostNetwork: true }).spec, ...withContainer({ ports: [{ containerPort: 80 }] }) },
  };
  applyPodTemplateDefaults(template);
  assert.deepEqual(texts(validatePodTemplate(template, new FieldPath('template'))), []);
});

for (const [name, spec, expected] of cases) {
  test(`pod validation: ${name}`, () => {
    assert.deepEqual(problemsOf(spec), expected);
  });
}
