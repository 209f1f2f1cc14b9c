import type { Namespace, Pod } from '../../../api/core/v1/types.generated.ts';
import type { NetworkPolicy } from '../../../api/networking/v1/types.generated.ts';
import { namespaces, networkPolicies, pods } from '../../../api/resource-types.ts';
import type { Client, Informer, InformerFactory } from '../../../client/contract.ts';
import { createInformerFactory } from '../../../client/informer-factory.ts';
import { equal } from '../../../machinery/json.ts';
import type { Logger } from '../../../machinery/logger.ts';
import type { KubeObject } from '../../../machinery/meta.ts';
import { applyNft } from '../commands.ts';
import { PacedRuns } from '../paced-runs.ts';
import { policyRules } from './policy-rules.ts';
import { noPolicyTableScript, policyTableScript } from './policy-table.ts';

/** Between runs of nft. */
const syncIntervalMs = 100;
const retryDelayMs = 1_000;

export interface NetworkPoliciesOptions {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly nodeName: string;
  readonly clusterDnsIp: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Applies a script in one transaction; for tests. */
  readonly apply?: (script: string) => Promise<void>;
}

interface Subjects {
  readonly pods: Informer<Pod>;
  readonly namespaces: Informer<Namespace>;
}

/**
 * Keeps the kernel's policy table as NetworkPolicies say. The pods and namespaces of the cluster are watched, in a form
 * cut to what policies read, only once there is a first policy.
 */
export class NetworkPolicies {
  readonly #options: NetworkPoliciesOptions;
  readonly #policies: Informer<NetworkPolicy>;
  readonly #apply: (script: string) => Promise<void>;
  #subjects: Subjects | undefined;
  #applied: string | undefined;
  readonly #runs: PacedRuns;

  constructor(options: NetworkPoliciesOptions) {
    this.#options = options;
    this.#policies = options.informers.informer(networkPolicies);
    this.#apply = options.apply ?? applyNft;
    const { logger, signal } = options;
    this.#runs = new PacedRuns({
      run: () => this.#sync(),
      failed: (err) => {
        if (!signal.aborted) logger.error({ err }, 'Applying network policies failed');
        this.#applied = undefined;
      },
      intervalMs: syncIntervalMs,
      retryMs: retryDelayMs,
    });
    signal.addEventListener('abort', () => this.#runs.close(), { once: true });
  }

  /** Call when the informers are synced. What an earlier agent left stands until the first table is made. */
  start(): void {
    const touched = (): void => this.#runs.ask();
    this.#policies.addHandler({ added: touched, updated: touched, deleted: touched });
    this.#runs.ask();
  }

  /** Whether the table ought to be there. */
  get isNeeded(): boolean {
    return this.#policies.size > 0;
  }

  /** Makes the table again, after someone else took it away. */
  rebuild(): void {
    this.#applied = undefined;
    this.#runs.ask();
  }

  /** Stops; the table stays and goes on guarding. */
  close(): void {
    this.#runs.close();
  }

  async #sync(): Promise<void> {
    const { nodeName } = this.#options;
    let script = noPolicyTableScript();
    if (this.isNeeded) {
      const subjects = await this.#watchSubjects();
      const rules = policyRules({
        policies: this.#policies.list(),
        pods: subjects.pods.list(),
        namespaces: subjects.namespaces.list(),
        nodeName,
      });
      if (rules.chains.size > 0) script = policyTableScript(rules, this.#options);
    }
    if (script === this.#applied) return;
    await this.#apply(script);
    this.#applied = script;
  }

  async #watchSubjects(): Promise<Subjects> {
    if (this.#subjects !== undefined) return this.#subjects;
    const { client, logger, signal } = this.#options;
    const factory = createInformerFactory(client, {
      logger,
      transforms: { pods: trimPod, namespaces: trimNamespace },
    });
    const subjects = { pods: factory.informer(pods), namespaces: factory.informer(namespaces) };
    factory.start(signal);
    await factory.synced(signal);
    const touched = (): void => this.#runs.ask();
    const changed = <T>(old: T, now: T): void => {
      if (!equal(relevant(old), relevant(now))) this.#runs.ask();
    };
    subjects.pods.addHandler({ added: touched, updated: changed, deleted: touched });
    subjects.namespaces.addHandler({ added: touched, updated: changed, deleted: touched });
    this.#subjects = subjects;
    return subjects;
  }
}

/** The informers keep no more than that, but for the resource version. */
function relevant(object: unknown): unknown {
  const { metadata, ...rest } = object as KubeObject & Record<string, unknown>;
  return { ...rest, labels: metadata.labels };
}

function trimPod(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, spec, status } = object as Pod;
  const portsOf = ({ name, ports, restartPolicy }: NonNullable<Pod['spec']>['containers'][number]) => ({
    name,
    ...(ports === undefined ? {} : { ports }),
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  });
  const pod: Pod = {
    apiVersion,
    kind,
    metadata: trimMetadata(metadata),
    spec: {
      containers: (spec?.containers ?? []).map(portsOf),
      ...(spec?.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(portsOf) }),
      ...(spec?.nodeName === undefined ? {} : { nodeName: spec.nodeName }),
      ...(spec?.hostNetwork === undefined ? {} : { hostNetwork: spec.hostNetwork }),
    },
    status: {
      ...(status?.podIP === undefined ? {} : { podIP: status.podIP }),
      ...(status?.phase === undefined ? {} : { phase: status.phase }),
    },
  };
  return pod;
}

function trimNamespace({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  return { apiVersion, kind, metadata: trimMetadata(metadata) };
}

function trimMetadata({
  name,
  namespace,
  uid,
  resourceVersion,
  labels,
}: KubeObject['metadata']): KubeObject['metadata'] {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(labels === undefined ? {} : { labels }),
  };
}
