import assert from 'node:assert/strict';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const group = '/apis/admissionregistration.k8s.io/v1';

interface Policy {
  readonly kind: 'validating' | 'mutating';
  readonly namespace: string;
  readonly spec: object;
}

/** A policy about Deployments of one namespace, bound. */
async function bind({ kind, namespace, spec }: Policy): Promise<void> {
  const matchConstraints = {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    resourceRules: [
      { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] },
    ],
  };
  await suite.api.create(`${group}/${kind}admissionpolicies`, {
    metadata: { name: namespace },
    spec: { matchConstraints, ...spec },
  });
  await suite.api.create(`${group}/${kind}admissionpolicybindings`, {
    metadata: { name: namespace },
    spec: { policyName: namespace, ...(kind === 'validating' ? { validationActions: ['Deny'] } : {}) },
  });
}

const deploymentsIn = (namespace: string): string => `/apis/apps/v1/namespaces/${namespace}/deployments`;
const deployment = (name: string, replicas: number) => ({
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'c', image: 'example.test/none' }] },
    },
  },
});

behaviour('ValidatingAdmissionPolicy', async () => {
  const namespace = await suite.namespace('variables');
  const variables = [
    { name: 'replicas', expression: 'object.spec.replicas' },
    { name: 'oddReplicas', expression: 'variables.replicas % 2 == 1' },
  ];
  const validations = [
    { expression: 'variables.replicas > 1' },
    { expression: 'variables.oddReplicas', message: 'only odd numbers' },
  ];
  await bind({ kind: 'validating', namespace, spec: { variables, validations } });
  await suite.api.create(deploymentsIn(namespace), deployment('three', 3));
  const one = await suite.api.refused(422, 'POST', deploymentsIn(namespace), { body: deployment('one', 1) });
  assert.match(one, /failed expression: variables\.replicas > 1$/);
  const two = await suite.api.refused(422, 'POST', deploymentsIn(namespace), { body: deployment('two', 2) });
  assert.match(two, /only odd numbers$/);
});

behaviour('ValidatingAdmissionPolicy (2)', async () => {
  const namespace = await suite.namespace('validated');
  const validations = [
    { expression: 'object.spec.replicas > 1', messageExpression: "'wants more than ' + string(object.spec.replicas)" },
    { expression: `namespaceObject.metadata.name == '${namespace}'`, message: 'in another namespace' },
  ];
  await bind({ kind: 'validating', namespace, spec: { validations } });
  await suite.api.create(deploymentsIn(namespace), deployment('two', 2));
  const said = await suite.api.refused(422, 'POST', deploymentsIn(namespace), { body: deployment('one', 1) });
  assert.match(said, /wants more than 1$/);
});

behaviour('MutatingAdmissionPolicy', async () => {
  const namespace = await suite.namespace('mutated');
  const expression = 'Object{spec: Object.spec{replicas: object.spec.replicas + 100}}';
  const mutations = [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }];
  await bind({ kind: 'mutating', namespace, spec: { mutations, reinvocationPolicy: 'Never' } });
  const made = await suite.api.create(deploymentsIn(namespace), deployment('grown', 1));
  assert.equal((made['spec'] as { replicas: number }).replicas, 101);
});

behaviour('MutatingAdmissionPolicy (2)', async () => {
  const namespace = await suite.namespace('annotated');
  const expression =
    "[JSONPatch{op: 'add', path: '/metadata/annotations', value: {'first': 'a'}}, " +
    "JSONPatch{op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey('example.com/second'), value: 'b'}]";
  const mutations = [{ patchType: 'JSONPatch', jsonPatch: { expression } }];
  await bind({ kind: 'mutating', namespace, spec: { mutations, reinvocationPolicy: 'Never' } });
  const made = await suite.api.create(deploymentsIn(namespace), deployment('annotated', 1));
  assert.deepEqual(made.metadata.annotations, { first: 'a', 'example.com/second': 'b' });
});
