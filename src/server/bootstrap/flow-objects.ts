import type { FlowSchemaSpec, PriorityLevelConfigurationSpec } from '../../api/flowcontrol/v1/types.generated.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { ObjectAccess } from '../contract.ts';
import { ensureObject } from './ensure.ts';

const group = 'flowcontrol.apiserver.k8s.io';

/** name, shares, lendable percent, and queues with hand size where requests queue. */
const levels: readonly (readonly [string, number, number, number?, number?])[] = [
  ['catch-all', 5, 0],
  ['global-default', 20, 50, 128, 6],
  ['leader-election', 10, 0, 16, 4],
  ['node-high', 40, 25, 64, 6],
  ['system', 30, 33, 64, 6],
  ['workload-high', 40, 50, 128, 6],
  ['workload-low', 100, 90, 128, 6],
];

type FlowRule = NonNullable<FlowSchemaSpec['rules']>[number];
type FlowSubject = FlowRule['subjects'][number];

const user = (name: string): FlowSubject => ({ kind: 'User', user: { name } });
const inGroup = (name: string): FlowSubject => ({ kind: 'Group', group: { name } });
const systemAccounts: FlowSubject = { kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name: '*' } };
const everyone = [inGroup('system:unauthenticated'), inGroup('system:authenticated')];
const controllerManager = user('system:kube-controller-manager');
const scheduler = user('system:kube-scheduler');

const anything = (subjects: FlowSubject[]): FlowRule => ({
  subjects,
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
});

const leases = { apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: ['*'] };

/** name, level, precedence, what tells flows apart, rule. */
const schemas: readonly (readonly [string, string, number, '' | 'ByUser' | 'ByNamespace', FlowRule])[] = [
  ['exempt', 'exempt', 1, '', anything([inGroup('system:masters')])],
  [
    'probes',
    'exempt',
    2,
    '',
    { subjects: everyone, nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }] },
  ],
  [
    'system-leader-election',
    'leader-election',
    100,
    'ByUser',
    {
      subjects: [controllerManager, scheduler, systemAccounts],
      resourceRules: [{ verbs: ['get', 'create', 'update'], ...leases }],
    },
  ],
  [
    'system-node-high',
    'node-high',
    400,
    'ByUser',
    {
      subjects: [inGroup('system:nodes')],
      resourceRules: [
        { verbs: ['*'], apiGroups: [''], resources: ['nodes', 'nodes/status'], clusterScope: true, namespaces: ['*'] },
        { verbs: ['*'], ...leases },
      ],
    },
  ],
  ['system-nodes', 'system', 500, 'ByUser', anything([inGroup('system:nodes')])],
  ['kube-controller-manager', 'workload-high', 800, 'ByNamespace', anything([controllerManager])],
  ['kube-scheduler', 'workload-high', 800, 'ByNamespace', anything([scheduler])],
  ['kube-system-service-accounts', 'workload-high', 900, 'ByNamespace', anything([systemAccounts])],
  ['service-accounts', 'workload-low', 9000, 'ByUser', anything([inGroup('system:serviceaccounts')])],
  ['global-default', 'global-default', 9900, 'ByUser', anything(everyone)],
  ['catch-all', 'catch-all', 10000, 'ByUser', anything(everyone)],
];

/** The flow schemas and priority levels that upstream always has. */
export async function ensureFlowObjects(objects: ObjectAccess): Promise<void> {
  const levelSpecs: [string, PriorityLevelConfigurationSpec][] = [
    ['exempt', { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }],
    ...levels.map((level): [string, PriorityLevelConfigurationSpec] => [level[0], limited(level)]),
  ];
  await Promise.all([
    ...levelSpecs.map(([name, spec]) =>
      ensure(objects, 'prioritylevelconfigurations', wrap('PriorityLevelConfiguration', name, spec)),
    ),
    ...schemas.map(([name, level, matchingPrecedence, distinguisher, rule]) => {
      const spec: FlowSchemaSpec = {
        priorityLevelConfiguration: { name: level },
        matchingPrecedence,
        ...(distinguisher === '' ? {} : { distinguisherMethod: { type: distinguisher } }),
        rules: [rule],
      };
      return ensure(objects, 'flowschemas', wrap('FlowSchema', name, spec));
    }),
  ]);
}

function ensure(objects: ObjectAccess, resource: string, object: UnknownObject): Promise<void> {
  return ensureObject(objects, { group, resource }, object);
}

function limited([
  ,
  nominalConcurrencyShares,
  lendablePercent,
  queues,
  handSize,
]: (typeof levels)[number]): PriorityLevelConfigurationSpec {
  const limitResponse =
    queues === undefined || handSize === undefined
      ? { type: 'Reject' }
      : { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } };
  return { type: 'Limited', limited: { nominalConcurrencyShares, limitResponse, lendablePercent } };
}

function wrap(kind: string, name: string, spec: object): UnknownObject {
  const annotations = { 'apf.kubernetes.io/autoupdate-spec': 'true' };
  return { apiVersion: `${group}/v1`, kind, metadata: { name, annotations }, spec };
}
