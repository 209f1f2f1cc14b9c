import type { Pod, Service, ServicePort } from '../api/core/v1/types.generated.ts';
import { services } from '../api/resource-types.ts';
import type { Informer, InformerFactory, WorkQueue } from '../client/index.ts';
import { equal } from '../machinery/json.ts';
import { type Selector, selectorFromSet } from '../machinery/labels.ts';
import { objectKey } from '../machinery/meta.ts';
import { isPodReady, podCondition } from './pods/pod-state.ts';

/** Queues every Service whose backends a change may touch: of Services themselves and of the pods they select. */
export function queueServices(informers: InformerFactory, pods: Informer<Pod>, queue: WorkQueue): Informer<Service> {
  const informer = informers.informer(services);
  informer.addHandler({
    added: (service) => queue.add(objectKey(service)),
    updated: (_old, service) => queue.add(objectKey(service)),
    deleted: (service) => queue.add(objectKey(service)),
  });
  const addSelecting = (...versions: Pod[]): void => {
    for (const service of informer.list(versions[0]?.metadata.namespace)) {
      if (!hasSelector(service)) continue;
      const selector = podSelectorOf(service);
      if (versions.some((pod) => selector.matches(pod.metadata.labels))) queue.add(objectKey(service));
    }
  };
  pods.addHandler({
    added: (pod) => addSelecting(pod),
    updated(old, pod) {
      if (backendChanged(old, pod)) addSelecting(old, pod);
    },
    deleted: (pod) => addSelecting(pod),
  });
  return informer;
}

const selectors = new WeakMap<Service, Selector>();

/** Made once an object: every change of a pod asks every Service of its namespace. */
export function podSelectorOf(service: Service): Selector {
  let selector = selectors.get(service);
  if (selector === undefined) {
    selector = selectorFromSet(service.spec.selector);
    selectors.set(service, selector);
  }
  return selector;
}

/** Backends of other Services are written by whoever made them. */
export function hasSelector({ spec }: Service): boolean {
  return spec.type !== 'ExternalName' && spec.selector !== undefined && Object.keys(spec.selector).length > 0;
}

export function isHeadless({ spec }: Service): boolean {
  return spec.clusterIP === 'None';
}

/** Number of the pod's port that a Service port leads to; undefined when the pod has none of that name. */
export function targetPortOf(pod: Pod, { targetPort, port, protocol = 'TCP' }: ServicePort): number | undefined {
  if (targetPort === undefined || targetPort === 0 || targetPort === '') return port;
  if (typeof targetPort === 'number') return targetPort;
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    for (const candidate of container.ports ?? []) {
      if (candidate.name === targetPort && (candidate.protocol ?? 'TCP') === protocol) return candidate.containerPort;
    }
  }
  return undefined;
}

/** When the newest of what made the backends what they are happened, for those who measure how long it takes to be seen. */
export const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

/** RFC 3339; of the Service's making and its pods' becoming ready or not. */
export function triggerTimeOf({ metadata }: Service, pods: readonly Pod[]): string | undefined {
  let latest = metadata.creationTimestamp;
  for (const pod of pods) {
    const changed = podCondition(pod, 'Ready')?.lastTransitionTime;
    if (changed !== undefined && (latest === undefined || changed > latest)) latest = changed;
  }
  return latest;
}

/** The pod's own name in the Service's domain, when it asked for one there. */
export function hostnameIn(service: Service, pod: Pod): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  if (hostname === undefined || hostname === '') return undefined;
  return subdomain === service.metadata.name ? hostname : undefined;
}

function backendChanged(old: Pod, pod: Pod): boolean {
  return (
    old.metadata.uid !== pod.metadata.uid ||
    old.metadata.deletionTimestamp !== pod.metadata.deletionTimestamp ||
    old.status?.phase !== pod.status?.phase ||
    old.spec?.nodeName !== pod.spec?.nodeName ||
    isPodReady(old) !== isPodReady(pod) ||
    !equal(old.status?.podIPs, pod.status?.podIPs) ||
    !equal(old.metadata.labels, pod.metadata.labels)
  );
}
