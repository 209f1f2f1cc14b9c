import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from '../../../api/core/v1/types.generated.ts';
import { evaluate, formatViolations } from './evaluate.ts';
import { type Level, policyOf } from './policy.ts';

const latest = Number.POSITIVE_INFINITY;
const container = { name: 'c', image: 'i' };

function told(level: Level, spec: Partial<PodSpec>, minor = latest, annotations = {}): string {
  return formatViolations(
    evaluate({ level, minor }, { metadata: { annotations }, spec: { containers: [container], ...spec } }),
  );
}

const hardened = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};

test('a plain pod is fine for the baseline and lacks four things for the restricted level', () => {
  assert.equal(told('baseline', {}), '');
  assert.equal(
    told('restricted', {}),
    'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
      'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), ' +
      'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
      'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  );
  assert.equal(told('restricted', { containers: [{ ...container, securityContext: hardened }] }), '');
});

test('each rule of the baseline is told in upstream words', () => {
  const two = (of: object) => ({
    containers: [
      { ...container, ...of },
      { ...container, ...of, name: 'd' },
    ],
  });
  const one = (of: object) => ({ containers: [{ ...container, ...of }] });
  const cases: [Partial<PodSpec>, string][] = [
    [
      { hostNetwork: true, hostPID: true, hostIPC: true },
      'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
    ],
    [{ volumes: [{ name: 'v', hostPath: { path: '/' } }] }, 'hostPath volumes (volume "v")'],
    [two({ ports: [{ containerPort: 1, hostPort: 80 }] }), 'hostPort (containers "c", "d" use hostPort 80)'],
    [
      one({ securityContext: { privileged: true } }),
      'privileged (container "c" must not set securityContext.privileged=true)',
    ],
    [
      one({ securityContext: { capabilities: { add: ['SYS_ADMIN', 'CHOWN', 'NET_ADMIN'] } } }),
      'non-default capabilities (container "c" must not include "NET_ADMIN", "SYS_ADMIN" in securityContext.capabilities.add)',
    ],
    [
      one({ securityContext: { procMount: 'Unmasked' } }),
      'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
    ],
    [
      { securityContext: { seLinuxOptions: { type: 'spc_t', user: 'u' } } },
      'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)',
    ],
    [
      { securityContext: { seccompProfile: { type: 'Unconfined' } } },
      'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [{ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }, 'forbidden sysctls (kernel.msgmax)'],
    [
      { securityContext: { windowsOptions: { hostProcess: true } } },
      'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
    ],
    [
      { securityContext: { appArmorProfile: { type: 'Unconfined' } } },
      'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
    ],
    [
      one({ livenessProbe: { httpGet: { host: 'metadata', port: 80 } } }),
      'probe or lifecycle host (container "c" uses probe or lifecycle host "metadata")',
    ],
  ];
  for (const [spec, text] of cases) assert.equal(told('baseline', spec), text);
});

test('restricted rules replace those of the baseline that they contain', () => {
  const securityContext = { ...hardened, capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] } };
  const containers = [{ ...container, securityContext }];
  assert.equal(
    told('restricted', {
      containers,
      volumes: [
        { name: 'v', hostPath: { path: '/' } },
        { name: 'e', emptyDir: {} },
      ],
    }),
    'unrestricted capabilities (container "c" must not include "SYS_ADMIN" in securityContext.capabilities.add), ' +
      'restricted volume types (volume "v" uses restricted volume type "hostPath")',
  );
  assert.equal(
    told('restricted', { containers: [{ ...container, securityContext: { ...hardened, runAsUser: 0 } }] }),
    'runAsUser=0 (container "c" must not set runAsUser=0)',
  );
});

test('rules of later versions do not hold for a namespace that pins an earlier one', () => {
  const sysctls = [{ name: 'net.ipv4.tcp_rmem', value: '1' }];
  assert.equal(told('baseline', { securityContext: { sysctls } }), '');
  assert.equal(told('baseline', { securityContext: { sysctls } }, 31), 'forbidden sysctls (net.ipv4.tcp_rmem)');
  const rootInside = {
    hostUsers: false,
    containers: [{ ...container, securityContext: { ...hardened, runAsUser: 0 } }],
  };
  assert.equal(told('restricted', rootInside), '');
  assert.notEqual(told('restricted', rootInside, 33), '');
});

test('labels make a policy, and what cannot be read is enforced strictly', () => {
  const prefix = 'pod-security.kubernetes.io/';
  const read = policyOf({ [`${prefix}enforce`]: 'baseline', [`${prefix}enforce-version`]: 'v1.30' });
  assert.deepEqual(read.policy.enforce, { level: 'baseline', minor: 30 });
  assert.deepEqual(read.policy.warn, { level: 'baseline', minor: 30 });
  assert.equal(read.policy.audit.level, 'privileged');
  const wrong = policyOf({ [`${prefix}enforce`]: 'strict', [`${prefix}warn-version`]: '1.2' });
  assert.equal(wrong.policy.enforce.level, 'restricted');
  assert.deepEqual(
    wrong.errors.map(({ field, detail }) => `${field}: ${detail}`),
    [
      'metadata.labels[pod-security.kubernetes.io/enforce]: must be one of privileged, baseline, restricted',
      'metadata.labels[pod-security.kubernetes.io/warn-version]: must be "latest" or "v1.x"',
    ],
  );
});
