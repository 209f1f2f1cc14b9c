import { localVolumeNodeLabel } from '../../api/core/v1/local-storage.ts';
import type { Node, Pod } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import type { ObjectAccess } from '../contract.ts';
import type { AdmissionAttributes, AdmissionPlugin, UserInfo } from '../request.ts';
import { refuse } from './refusals.ts';

const nodePrefix = 'system:node:';
const pods = { group: '', resource: 'pods' };

/** The node that a user is: `system:node:<name>` in the group `system:nodes`. */
export function nodeNameOf({ name, groups }: UserInfo): string | undefined {
  return name.startsWith(nodePrefix) && groups.includes('system:nodes') ? name.slice(nodePrefix.length) : undefined;
}

type Check = (attributes: AdmissionAttributes, node: string, objects: ObjectAccess) => void;

const checks: Readonly<Record<string, Check>> = {
  pods: checkPod,
  nodes: checkNode,
  persistentvolumes: checkVolume,
  'serviceaccounts/token': checkTokenRequest,
  'coordination.k8s.io/leases': checkLease,
  'fleet.roadstead.dev/hosts': checkHost,
  'storage.k8s.io/csinodes': (attributes, node) => checkOwnName(attributes, node, 'CSINode'),
};

/** Keeps a node's writes to its own Node, Host, Lease and pods. */
export function nodeRestriction(objects: ObjectAccess): AdmissionPlugin {
  return {
    name: 'NodeRestriction',
    handles: (attributes) => checkFor(attributes) !== undefined,
    async admit(attributes) {
      // The verbs ask `handles` with a part of the attributes only, so who asks is looked at here.
      const node = nodeNameOf(attributes.user);
      if (node !== undefined) checkFor(attributes)?.(attributes, node, objects);
    },
  };
}

function checkFor({ group, resource, subresource }: AdmissionAttributes): Check | undefined {
  const of = group === '' ? resource : `${group}/${resource}`;
  return checks[`${of}/${subresource}`] ?? checks[of];
}

function checkPod(attributes: AdmissionAttributes, node: string, objects: ObjectAccess): void {
  const { operation, subresource, namespace, name } = attributes;
  if (subresource !== '' && subresource !== 'status' && subresource !== 'eviction') {
    throw refuse(
      attributes,
      `unexpected pod subresource ${JSON.stringify(subresource)}, only 'status' and 'eviction' are allowed`,
    );
  }
  if (operation === 'CREATE' && subresource === '') {
    checkMirrorPod(attributes, node);
    return;
  }
  if (operation === 'UPDATE' && subresource === '')
    throw refuse(attributes, 'unexpected operation "UPDATE", only create and delete are allowed');
  const pod = attributes.oldObject ?? objects.get(pods, namespace, name);
  const runsOn = pod === undefined ? undefined : as<Pod>(pod).spec?.nodeName;
  if (runsOn !== undefined && runsOn !== node) {
    throw refuse(
      attributes,
      `node ${JSON.stringify(node)} can only ${operation === 'DELETE' ? 'delete' : 'update'} pods with spec.nodeName set to itself`,
    );
  }
}

function checkMirrorPod(attributes: AdmissionAttributes, node: string): void {
  const pod = attributes.object === undefined ? undefined : as<Pod>(attributes.object);
  if (pod?.metadata.annotations?.['kubernetes.io/config.mirror'] === undefined) {
    throw refuse(
      attributes,
      `pod does not have "kubernetes.io/config.mirror" annotation, node ${JSON.stringify(node)} can only create mirror pods`,
    );
  }
  if (pod.spec?.nodeName !== node) {
    throw refuse(attributes, `node ${JSON.stringify(node)} can only create pods with spec.nodeName set to itself`);
  }
}

function checkNode(attributes: AdmissionAttributes, node: string): void {
  const { operation, subresource, object, oldObject } = attributes;
  checkOwnName(attributes, node, 'node');
  if (operation !== 'UPDATE' || subresource !== '' || object === undefined || oldObject === undefined) return;
  const taintsNow = JSON.stringify(as<Node>(object).spec?.taints ?? []);
  if (taintsNow !== JSON.stringify(as<Node>(oldObject).spec?.taints ?? [])) {
    throw refuse(attributes, `node ${JSON.stringify(node)} is not allowed to modify taints`);
  }
  const changed = changedKeys(object.metadata.labels ?? {}, oldObject.metadata.labels ?? {}).filter(isReservedLabel);
  if (changed.length > 0) {
    throw refuse(attributes, `is not allowed to modify labels: ${changed.sort().join(', ')}`);
  }
}

/** A node takes the finalizer off its own volume when the directory is gone; everything else is for others to say. */
function checkVolume(attributes: AdmissionAttributes, node: string): void {
  const { operation, object, oldObject } = attributes;
  const isOwn = oldObject?.metadata.labels?.[localVolumeNodeLabel] === node;
  const bare = ({
    metadata: { finalizers: _f, managedFields: _m, resourceVersion: _v, ...metadata },
    ...rest
  }: KubeObject) => JSON.stringify({ ...rest, metadata });
  if (operation === 'UPDATE' && isOwn && object !== undefined && bare(object) === bare(oldObject)) return;
  throw refuse(attributes, `node ${JSON.stringify(node)} can only remove finalizers from volumes that lie on it`);
}

function changedKeys(now: Record<string, string>, before: Record<string, string>): string[] {
  return [...new Set([...Object.keys(now), ...Object.keys(before)])].filter((key) => now[key] !== before[key]);
}

function isReservedLabel(key: string): boolean {
  return /(^|\.)node-restriction\.kubernetes\.io\//.test(key);
}

function checkOwnName(attributes: AdmissionAttributes, node: string, what: string): void {
  const name = attributes.name === '' ? attributes.object?.metadata.name : attributes.name;
  if (name === node) return;
  throw refuse(
    attributes,
    `node ${JSON.stringify(node)} is not allowed to modify ${what} ${JSON.stringify(name ?? '')}`,
  );
}

/** A host cannot give itself labels, by which people choose whom to trust with what. */
function checkHost(attributes: AdmissionAttributes, node: string): void {
  checkOwnName(attributes, node, 'host');
  const { operation, subresource, object } = attributes;
  if (operation !== 'CREATE' || subresource !== '') return;
  const { labels, annotations } = object?.metadata ?? {};
  if (labels !== undefined || annotations !== undefined)
    throw refuse(attributes, `node ${JSON.stringify(node)} is not allowed to set labels or annotations of its host`);
}

function checkLease(attributes: AdmissionAttributes, node: string): void {
  const name = attributes.name === '' ? attributes.object?.metadata.name : attributes.name;
  if (attributes.namespace !== 'kube-node-lease') {
    throw refuse(attributes, `can only access leases in the "kube-node-lease" system namespace`);
  }
  if (name !== node) throw refuse(attributes, `can only access node lease with the same name as the requesting node`);
}

function checkTokenRequest(attributes: AdmissionAttributes, node: string, objects: ObjectAccess): void {
  const spec = attributes.object?.['spec'] as
    | { boundObjectRef?: { kind?: string; name?: string; uid?: string } }
    | undefined;
  const ref = spec?.boundObjectRef;
  if (ref?.kind !== 'Pod' || ref.name === undefined)
    throw refuse(attributes, `node requested token not bound to a pod`);
  if (ref.uid === undefined || ref.uid === '')
    throw refuse(attributes, `node requested token with a pod binding without a uid`);
  const pod = objects.get(pods, attributes.namespace, ref.name);
  if (pod === undefined) throw refuse(attributes, `pod ${JSON.stringify(ref.name)} not found`);
  if (pod.metadata.uid !== ref.uid) {
    throw refuse(
      attributes,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  if (as<Pod>(pod).spec?.nodeName !== node) {
    throw refuse(attributes, `node requested token bound to a pod scheduled on a different node`);
  }
}
