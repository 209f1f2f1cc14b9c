import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { createHttpsTransport, loadKubeconfig } from '../../src/client/index.ts';
import { createNamespace, eventually, kubectl } from '../e2e/kubectl.ts';
import { image, type PodOptions, pod } from '../e2e/manifests.ts';
import { Api } from './api.ts';
import { isListing } from './behaviour.ts';

/** The running cluster with a namespace of this test file's own. */
export interface ClusterSuite {
  readonly api: Api;
  readonly namespace: string;
  /** `/api/v1/namespaces/<own>` */
  readonly core: string;
  /** In the own namespace; must succeed. */
  kubectl(...args: string[]): Promise<string>;
  create(...manifests: readonly (string | object)[]): Promise<void>;
  ready(...pods: string[]): Promise<void>;
  /** Runs a pod to its end; what it printed. */
  outputOf(name: string, shell: string, options?: PodOptions): Promise<string>;
}

/** `prepare` runs once the namespace is there, before the first behaviour. */
export function clusterSuite(name: string, prepare?: () => Promise<void>): ClusterSuite {
  let namespace: Awaited<ReturnType<typeof createNamespace>> | undefined;
  let api: Api | undefined;
  const own = (): string => namespace?.name ?? assert.fail('The namespace is not there yet');
  if (!isListing) {
    before(async () => {
      namespace = await createNamespace(name);
      api = new Api(createHttpsTransport(await loadKubeconfig()));
      await prepare?.();
    });
    after(async () => {
      await api?.close();
      await namespace?.remove();
    });
  }
  const suite: ClusterSuite = {
    get api() {
      return api ?? assert.fail('There is no connection yet');
    },
    get namespace() {
      return own();
    },
    get core() {
      return `/api/v1/namespaces/${own()}`;
    },
    kubectl: (...args) => kubectl(['-n', own(), ...args]),
    async create(...manifests) {
      const input = manifests.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n');
      await kubectl(['-n', own(), 'create', '-f', '-'], { input });
    },
    async ready(...pods) {
      await suite.kubectl('wait', '--for=condition=Ready', '--timeout=60s', ...pods.map((one) => `pod/${one}`));
    },
    async outputOf(podName, shell, options) {
      await suite.create(pod(podName, shell, { ...options, spec: { restartPolicy: 'Never', ...options?.spec } }));
      await eventually(`the end of ${podName}`, async () => {
        const phase = await suite.kubectl('get', 'pod', podName, '-o', 'jsonpath={.status.phase}');
        return phase === 'Succeeded' || phase === 'Failed';
      });
      return suite.kubectl('logs', podName);
    },
  };
  return suite;
}

/** A replication controller of pods that run this command. */
export function replicationController(name: string, replicas: number, command: readonly string[]): object {
  return {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name, labels: { app: name } },
    spec: {
      replicas,
      selector: { app: name },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: 'main', image, imagePullPolicy: 'Never', command, ports: [{ containerPort: 6379 }] }],
        },
      },
    },
  };
}
