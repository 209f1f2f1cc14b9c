/** Workload objects that several tests start from; their pods sleep, or run a shell command, in `roadstead/base`. */
import { image, sleepForever } from './manifests.ts';

export interface TemplateOptions {
  readonly shell?: string;
  readonly container?: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A pod template labelled `app: name`; it ends at once on SIGTERM. */
export function template(name: string, { shell, container, spec }: TemplateOptions = {}): Record<string, unknown> {
  return {
    metadata: { labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        { name: 'main', image, imagePullPolicy: 'Never', command: ['sh', '-c', shell ?? sleepForever], ...container },
      ],
      ...spec,
    },
  };
}

export interface WorkloadOptions extends TemplateOptions {
  /** Laid over the workload's own spec. */
  readonly of?: Readonly<Record<string, unknown>>;
}

export function statefulSet(name: string, options: WorkloadOptions = {}): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name },
    spec: {
      serviceName: name,
      selector: { matchLabels: { app: name } },
      template: template(name, options),
      ...options.of,
    },
  });
}

export function daemonSet(name: string, options: WorkloadOptions = {}): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name },
    spec: { selector: { matchLabels: { app: name } }, template: template(name, options), ...options.of },
  });
}

/** Its pods are not restarted in place unless `spec` says otherwise. */
export function job(name: string, options: WorkloadOptions = {}): string {
  return JSON.stringify({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: jobSpec(name, options) });
}

export function cronJob(name: string, schedule: string, options: WorkloadOptions = {}): string {
  return JSON.stringify({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name },
    spec: { schedule, jobTemplate: { spec: jobSpec(name, options) } },
  });
}

function jobSpec(name: string, { of, spec, ...options }: WorkloadOptions): Record<string, unknown> {
  return { template: template(name, { ...options, spec: { restartPolicy: 'Never', ...spec } }), ...of };
}

export function replicationController(name: string, replicas: number): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name },
    spec: { replicas, selector: { app: name }, template: template(name) },
  });
}

export function replicaSet(name: string, replicas: number): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name) },
  });
}
