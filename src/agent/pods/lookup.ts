/** What the stream endpoints (exec, attach, logs, port-forward) ask of the part that runs pods. */
export interface PodLookup {
  /** Undefined: no such pod on this node. */
  find(namespace: string, pod: string): FoundPod | undefined;
}

export interface FoundPod {
  readonly uid: string;
  /** Undefined until the sandbox runs. */
  readonly sandboxId?: string;
  /** Init, ordinary and ephemeral containers by name. */
  readonly containers: ReadonlyMap<string, FoundContainer>;
  /** The annotation `kubectl.kubernetes.io/default-container`, or the first container. */
  readonly defaultContainer: string;
}

export interface FoundContainer {
  /** Undefined until created. */
  readonly containerId?: string;
  readonly running: boolean;
  readonly tty: boolean;
  readonly stdin: boolean;
  /** The run before this one, for `logs --previous`. */
  readonly previousContainerId?: string;
  /** Why it waits (`ImagePullBackOff`), for messages. */
  readonly waitingReason?: string;
}
