import type { UnknownObject } from '../../../../machinery/meta.ts';
import { parseQuantity, quantityOf } from '../../../../machinery/quantity.ts';
import { as } from '../../../resource.ts';
import type { PersistentVolumeClaim, Pod, Service } from '../types.generated.ts';
import type { Amounts } from './amounts.ts';
import { podUsage } from './pod-usage.ts';

interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

/** Counted under their own names besides `count/...`. */
const plainlyCounted = new Set(['configmaps', 'replicationcontrollers', 'resourcequotas', 'secrets']);
const classSuffix = '.storageclass.storage.k8s.io/';

/** What one object counts for in a quota. `now` in ms since the epoch. */
export function quotaUsage(of: GroupResource, object: UnknownObject, now: number): Amounts {
  if (of.group === '' && of.resource === 'pods') return podUsage(as<Pod>(object), now);
  const usage: Amounts = new Map([[countName(of), quantityOf(1)]]);
  if (of.group !== '') return usage;
  if (of.resource === 'services') addServiceUsage(usage, as<Service>(object));
  else if (of.resource === 'persistentvolumeclaims') addClaimUsage(usage, as<PersistentVolumeClaim>(object));
  else if (plainlyCounted.has(of.resource)) usage.set(of.resource, quantityOf(1));
  return usage;
}

/** `count/deployments.apps`, `count/secrets` */
export function countName({ group, resource }: GroupResource): string {
  return group === '' ? `count/${resource}` : `count/${resource}.${group}`;
}

/** The resource whose objects a name in `hard` is about. */
export function resourceOfQuotaName(name: string): GroupResource {
  if (name.startsWith('count/')) {
    const [resource = '', ...group] = name.slice('count/'.length).split('.');
    return { group: group.join('.'), resource };
  }
  if (name === 'services' || name.startsWith('services.')) return { group: '', resource: 'services' };
  if (name === 'persistentvolumeclaims' || name === 'requests.storage' || name.includes(classSuffix)) {
    return { group: '', resource: 'persistentvolumeclaims' };
  }
  return { group: '', resource: plainlyCounted.has(name) ? name : 'pods' };
}

function addServiceUsage(usage: Amounts, { spec }: Service): void {
  const { type, ports = [], allocateLoadBalancerNodePorts } = spec;
  const isBalanced = type === 'LoadBalancer';
  const withNodePort = ports.filter(({ nodePort = 0 }) => nodePort !== 0).length;
  const nodePorts = isBalanced && allocateLoadBalancerNodePorts === false ? withNodePort : ports.length;
  usage.set('services', quantityOf(1));
  usage.set('services.nodeports', quantityOf(type === 'NodePort' || isBalanced ? nodePorts : 0));
  usage.set('services.loadbalancers', quantityOf(isBalanced ? 1 : 0));
}

function addClaimUsage(usage: Amounts, { metadata, spec, status }: PersistentVolumeClaim): void {
  const asked = spec.resources?.requests?.['storage'];
  const allocated = status?.allocatedResources?.['storage'];
  const sizes = [asked, allocated].flatMap((size) => (size === undefined ? [] : [parseQuantity(size)]));
  const largest = sizes.sort((a, b) => (a.nanos < b.nanos ? 1 : -1))[0];
  const storageClass = spec.storageClassName ?? metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? '';
  usage.set('persistentvolumeclaims', quantityOf(1));
  if (largest !== undefined) usage.set('requests.storage', largest);
  if (storageClass === '') return;
  usage.set(`${storageClass}${classSuffix}persistentvolumeclaims`, quantityOf(1));
  if (largest !== undefined) usage.set(`${storageClass}${classSuffix}requests.storage`, largest);
}
