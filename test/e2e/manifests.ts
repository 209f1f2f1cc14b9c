/** Objects that several tests start from. Pods run `roadstead/base`, which the cluster's own host made. */

export const image = 'roadstead/base:latest';

export interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly container?: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A pod with one container `main`; a shell command runs by `sh -c`. It ends at once on SIGTERM. */
export function pod(name: string, shell: string, { labels, container, spec }: PodOptions = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: labels ?? { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image, imagePullPolicy: 'Never', command: ['sh', '-c', shell], ...container }],
      ...spec,
    },
  });
}

/** Sleeps for ever and ends at once when told to. */
export const sleepForever = 'trap "exit 0" TERM INT; while true; do sleep 0.2; done';

export interface DeploymentOptions {
  readonly replicas?: number;
  readonly shell?: string;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly container?: Readonly<Record<string, unknown>>;
}

export function deployment(name: string, { replicas = 1, shell, spec, container }: DeploymentOptions = {}): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: { app: name } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      ...spec,
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'main',
              image,
              imagePullPolicy: 'Never',
              command: ['sh', '-c', shell ?? sleepForever],
              ...container,
            },
          ],
        },
      },
    },
  });
}

export function configMap(name: string, data: Readonly<Record<string, string>>): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
}
