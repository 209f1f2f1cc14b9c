import { createNamespace, eventually, kubectl, kubectlJson } from './kubectl.ts';

export interface ContainerStatus {
  name: string;
  ready: boolean;
  started?: boolean;
  restartCount: number;
  state: Record<string, { reason?: string; exitCode?: number; message?: string }>;
  lastState: Record<string, { reason?: string; exitCode?: number; message?: string }>;
  resources?: { limits?: Record<string, string>; requests?: Record<string, string> };
}

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

export interface Pod {
  metadata: { name: string; uid: string };
  spec: { nodeName?: string };
  status: {
    phase: string;
    reason?: string;
    message?: string;
    qosClass: string;
    podIP: string;
    hostIP: string;
    conditions: Condition[];
    containerStatuses: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
    ephemeralContainerStatuses?: ContainerStatus[];
  };
}

/** The pods of one test file: a namespace of their own and what tests do with them. */
export class PodScope {
  readonly namespace: string;
  readonly remove: () => Promise<void>;

  private constructor(namespace: string, remove: () => Promise<void>) {
    this.namespace = namespace;
    this.remove = remove;
  }

  static async create(name: string): Promise<PodScope> {
    const created = await createNamespace(name);
    return new PodScope(created.name, created.remove);
  }

  /** kubectl in this namespace, which must succeed. */
  kubectl(...args: string[]): Promise<string> {
    return kubectl(['-n', this.namespace, ...args]);
  }

  create(...manifests: string[]): Promise<string> {
    return kubectl(['-n', this.namespace, 'create', '-f', '-'], { input: manifests.join('\n') });
  }

  read(name: string): Promise<Pod> {
    return kubectlJson<Pod>(['-n', this.namespace, 'get', 'pod', name]);
  }

  until(name: string, what: string, check: (pod: Pod) => boolean): Promise<Pod> {
    return eventually(`${name}: ${what}`, async () => {
      const found = await this.read(name);
      return check(found) ? found : undefined;
    });
  }

  ends(name: string): Promise<Pod> {
    return this.until(name, 'its end', ({ status }) => ['Succeeded', 'Failed'].includes(status.phase));
  }

  ready(...names: string[]): Promise<string> {
    return this.kubectl('wait', '--for=condition=Ready', ...names.map((name) => `pod/${name}`), '--timeout=60s');
  }

  logs(name: string, ...args: string[]): Promise<string> {
    return this.kubectl('logs', name, ...args);
  }

  sh(name: string, script: string, container = 'main'): Promise<string> {
    return this.kubectl('exec', name, '-c', container, '--', 'sh', '-c', script);
  }

  /** Of Events about the pod: reasons and messages. */
  events(name: string): Promise<string> {
    return this.kubectl('get', 'events', '--field-selector', `involvedObject.name=${name}`);
  }
}

export function conditionOf(pod: Pod, type: string): Condition | undefined {
  return pod.status.conditions.find((one) => one.type === type);
}
