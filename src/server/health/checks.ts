import type { Store } from '../../store/contract.ts';
import type { Api } from '../contract.ts';
import type { HealthCheck, HealthEndpoint } from './health.ts';

/** How far the server has come; its owner writes it. */
export interface ServerState {
  isBootstrapped: boolean;
  isClosing: boolean;
}

const everywhere: readonly HealthEndpoint[] = ['healthz', 'livez', 'readyz'];

/** Under the names that upstream's checks have, since probes and scripts ask for them. */
export function serverChecks(api: Api, store: Store, state: ServerState): HealthCheck[] {
  const hook = (name: string): HealthCheck => ({
    name: `poststarthook/${name}`,
    endpoints: everywhere,
    check: () => state.isBootstrapped,
  });
  return [
    { name: 'ping', endpoints: everywhere, check: () => true },
    { name: 'log', endpoints: ['healthz', 'livez'], check: () => true },
    { name: 'etcd', endpoints: everywhere, check: async () => (await store.currentRevision()) >= 0 },
    { name: 'etcd-readiness', endpoints: ['readyz'], check: () => api.ready },
    { name: 'informer-sync', endpoints: ['readyz'], check: () => api.ready },
    hook('start-apiserver-admission-initializer'),
    hook('rbac/bootstrap-roles'),
    hook('scheduling/bootstrap-system-priority-classes'),
    hook('bootstrap-controller'),
    { name: 'shutdown', endpoints: ['readyz'], check: () => !state.isClosing },
  ];
}
