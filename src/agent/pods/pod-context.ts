import type { Node, Pod, Service } from '../../api/core/v1/types.generated.ts';
import type { Client, EventRecorder } from '../../client/contract.ts';
import type { Logger } from '../../machinery/logger.ts';
import type { OutageLog } from '../../machinery/outage-log.ts';
import { quantityToNumber } from '../../machinery/quantity.ts';
import type { PodCheckpoint } from '../checkpoint/pod-checkpoint.ts';
import type { ImagePuller } from '../images/image-puller.ts';
import type { PodNetwork } from '../network/contract.ts';
import type { ContainerProbes } from '../probes/container-probes.ts';
import type { ContainerRuntime } from '../runtime/contract.ts';
import type { PodVolumes } from '../volumes/pod-volumes.ts';
import type { ClusterDns, ResolvConf } from './dns-config.ts';
import type { DownwardFacts } from './downward-fields.ts';
import type { ObjectReferences } from './object-references.ts';
import type { RestartBackoff } from './restart-backoff.ts';
import type { StatusWriter } from './status-writer.ts';

/** What every pod worker of this node shares. */
export interface PodContext {
  readonly nodeName: string;
  readonly client: Client;
  readonly runtime: ContainerRuntime;
  readonly runtimeName: string;
  /** Undefined until the node has its pod CIDR; pods on the host's network do not wait for it. */
  network(): PodNetwork | undefined;
  readonly events: EventRecorder;
  readonly volumes: PodVolumes;
  readonly images: ImagePuller;
  readonly probes: ContainerProbes;
  readonly references: ObjectReferences;
  readonly checkpoint: PodCheckpoint;
  readonly status: StatusWriter;
  readonly backoff: RestartBackoff;
  /** `<dataDirectory>/pods` */
  readonly podsDirectory: string;
  readonly seccompDirectory: string;
  readonly hostIps: readonly string[];
  readonly memoryBytes: number;
  readonly clusterDns: ClusterDns | undefined;
  readonly clusterDomain: string;
  hostResolvConf(): Promise<ResolvConf>;
  services(namespace: string): readonly Service[];
  /** Resolves when all services are known, or when waiting for them any longer would keep pods from starting. */
  servicesKnown(): Promise<void>;
  /** Undefined while the node is not registered. */
  node(): Node | undefined;
  /** Pods of this node that have not ended, without this one. */
  otherPods(podUid: string): readonly Pod[];
  readonly logger: Logger;
  /** What fails because the container runtime does not answer, said once for all pods. */
  readonly runtimeOutage: OutageLog;
  readonly now: () => number;
}

export function downwardFacts(context: PodContext, pod: Pod, podIps: readonly string[]): DownwardFacts {
  const allocatable: Record<string, number> = {};
  const listed = context.node()?.status?.allocatable ?? {};
  for (const [name, value] of Object.entries(listed)) allocatable[name] = quantityToNumber(value);
  return {
    nodeName: context.nodeName,
    hostIps: context.hostIps,
    podIps: pod.spec?.hostNetwork === true ? context.hostIps : podIps,
    allocatable,
  };
}
