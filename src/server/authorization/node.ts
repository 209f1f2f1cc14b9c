import { localVolumeNodeLabel } from '../../api/core/v1/local-storage.ts';
import type { PersistentVolume, Pod, PodSpec } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import { nodeNameOf } from '../admission/node-restriction.ts';
import type { ObjectAccess, ObjectChange } from '../contract.ts';
import type { AuthorizationAttributes, Authorizer } from '../request.ts';
import { HostTaskAccess } from './host-tasks.ts';
import type { Rbac } from './rbac.ts';

const pods = { group: '', resource: 'pods' };
const persistentVolumes = { group: '', resource: 'persistentvolumes' };
const readVerbs = new Set(['get', 'list', 'watch']);
const leaseVerbs = new Set(['get', 'create', 'update', 'patch', 'delete']);
const nodeRole = { kind: 'ClusterRole', name: 'system:node' };

const allowed = { decision: 'allow', reason: '' } as const;
type Answer = Awaited<ReturnType<Authorizer['authorize']>>;

/**
 * What a node may do: read the objects that its own pods refer to, write its own Node and Lease, dial its own tunnel,
 * and what the role `system:node` says of everything else. References are counted as pods come and go, so a request
 * is one look-up.
 */
export class NodeAuthorizer implements Authorizer {
  readonly name = 'Node';
  readonly #objects: ObjectAccess;
  readonly #rbac: Rbac;
  /** `secrets/<namespace>/<name>` -> node -> how many of its pods refer to it. */
  readonly #references = new Map<string, Map<string, number>>();
  /** Pod key -> what was counted for it. */
  readonly #counted = new Map<string, { readonly node: string; readonly keys: readonly string[] }>();
  readonly #tasks: HostTaskAccess;
  readonly #stop: () => void;

  constructor(objects: ObjectAccess, rbac: Rbac) {
    this.#objects = objects;
    this.#rbac = rbac;
    this.#tasks = new HostTaskAccess(objects);
    this.#stop = objects.onChange(pods, (change) => this.#pod(change));
    for (const object of objects.list(pods)) {
      this.#pod({ type: 'put', namespace: object.metadata.namespace ?? '', name: object.metadata.name, object });
    }
  }

  close(): void {
    this.#stop();
    this.#tasks.close();
  }

  async authorize(attributes: AuthorizationAttributes): Promise<Answer> {
    const node = nodeNameOf(attributes.user);
    if (node === undefined) return { decision: 'noOpinion', reason: '' };
    return this.#special(attributes, node) ?? this.#byRole(attributes);
  }

  /** Undefined: nothing special about this resource. */
  #special(attributes: AuthorizationAttributes, node: string): Answer | undefined {
    const { group, resource, subresource, verb } = attributes;
    if (!attributes.isResourceRequest) return undefined;
    if (group === 'coordination.k8s.io' && resource === 'leases') return ownLease(attributes, node);
    if (group === 'tunnel.roadstead.dev')
      return attributes.name === node ? allowed : refused(`can only dial its own tunnel`);
    if (group === 'fleet.roadstead.dev' && resource === 'hosts') return ownHost(attributes, node);
    if (group === 'fleet.roadstead.dev' && resource === 'hosttasks') return this.#hostTasks(attributes, node);
    if (group !== '') return undefined;
    switch (resource) {
      case 'secrets':
      case 'configmaps':
        return readVerbs.has(verb) && subresource === ''
          ? this.#related(attributes, node)
          : refused('can only read resources of this type');
      case 'persistentvolumeclaims':
        return verb === 'get' ? this.#related(attributes, node) : undefined;
      case 'persistentvolumes':
        return this.#volumes(attributes, node);
      case 'serviceaccounts':
        if (verb === 'get' || (verb === 'create' && subresource === 'token')) return this.#related(attributes, node);
        return refused('can only get or create tokens for individual service accounts');
      default:
        return undefined;
    }
  }

  #hostTasks(attributes: AuthorizationAttributes, node: string): Answer {
    const refusal = this.#tasks.refusal(attributes, node);
    return refusal === undefined ? allowed : refused(refusal);
  }

  #byRole(attributes: AuthorizationAttributes): Answer {
    const rules = this.#rbac.rulesOfRole(nodeRole, '') ?? [];
    return rules.some((rule) => rule.allows(attributes)) ? allowed : { decision: 'noOpinion', reason: '' };
  }

  #related(attributes: AuthorizationAttributes, node: string): Answer {
    const { resource, namespace, name } = attributes;
    if (name === '') return refused('No Object name found');
    if (this.#references.get(`${resource}/${namespace}/${name}`)?.has(node) === true) return allowed;
    if (attributes.verb === 'get' && this.#tasks.refers(node, attributes)) return allowed;
    return refused(`no relationship found between node '${node}' and this object`);
  }

  /** Those that its pods use; and the ones that lie on the node itself, which it may watch and let go. */
  #volumes(attributes: AuthorizationAttributes, node: string): Answer {
    const { verb, name, subresource } = attributes;
    if (verb === 'list' || verb === 'watch') {
      if (attributes.labelSelector === `${localVolumeNodeLabel}=${node}`) return allowed;
      return refused('can only list volumes that lie on the node');
    }
    const volume = this.#objects.get(persistentVolumes, '', name);
    const isHere = volume?.metadata.labels?.[localVolumeNodeLabel] === node;
    if (isHere && subresource === '' && (verb === 'get' || verb === 'patch')) return allowed;
    return verb === 'get' ? this.#volume(attributes, node) : refused('can only get individual resources of this type');
  }

  #volume(attributes: AuthorizationAttributes, node: string): Answer {
    const volume = this.#objects.get(persistentVolumes, '', attributes.name);
    const claim = volume === undefined ? undefined : as<PersistentVolume>(volume).spec?.claimRef;
    const { namespace = '', name = '' } = claim ?? {};
    return this.#related(
      { ...attributes, resource: 'persistentvolumeclaims', namespace, name: name === '' ? '?' : name },
      node,
    );
  }

  #pod({ type, namespace, name, object }: ObjectChange): void {
    const key = `${namespace}/${name}`;
    const pod = as<Pod>(object);
    const node = type === 'delete' ? '' : (pod.spec?.nodeName ?? '');
    const keys = node === '' || pod.spec === undefined ? [] : [...referencesOf(pod.spec, namespace, name)];
    const old = this.#counted.get(key);
    for (const one of keys) this.#count(one, node, 1);
    for (const one of old?.keys ?? []) this.#count(one, old?.node ?? '', -1);
    if (keys.length === 0) this.#counted.delete(key);
    else this.#counted.set(key, { node, keys });
  }

  #count(key: string, node: string, by: number): void {
    let nodes = this.#references.get(key);
    if (nodes === undefined) {
      nodes = new Map();
      this.#references.set(key, nodes);
    }
    const left = (nodes.get(node) ?? 0) + by;
    if (left > 0) nodes.set(node, left);
    else nodes.delete(node);
    if (nodes.size === 0) this.#references.delete(key);
  }
}

function refused(reason: string): Answer {
  return { decision: 'noOpinion', reason };
}

function ownLease({ verb, namespace, name }: AuthorizationAttributes, node: string): Answer {
  if (!leaseVerbs.has(verb)) return refused('can only get, create, update, patch, or delete a node lease');
  if (namespace !== 'kube-node-lease')
    return refused(`can only access leases in the "kube-node-lease" system namespace`);
  // The name of a lease being created stands in its body, where admission looks.
  if (verb !== 'create' && name !== node)
    return refused('can only access node lease with the same name as the requesting node');
  return allowed;
}

/** Its spec and labels are for people to change: what selects hosts decides who is given scripts and secrets. */
function ownHost({ verb, subresource, name }: AuthorizationAttributes, node: string): Answer {
  const mayWrite = subresource === 'status' ? ['get', 'patch', 'update'] : ['get', 'create'];
  if (!mayWrite.includes(verb)) return refused('can only create and get its own host and write its status');
  // The name of a host being created stands in its body, where admission looks.
  if (name !== node && !(verb === 'create' && name === '')) return refused('can only access its own host');
  return allowed;
}

/** The objects whose content a pod gives to its node. */
function referencesOf(spec: PodSpec, namespace: string, podName: string): Set<string> {
  const keys = new Set<string>();
  const add = (resource: string, name: string | undefined): void => {
    if (name !== undefined && name !== '') keys.add(`${resource}/${namespace}/${name}`);
  };
  add('serviceaccounts', spec.serviceAccountName);
  for (const { name } of spec.imagePullSecrets ?? []) add('secrets', name);
  for (const volume of spec.volumes ?? []) {
    add('secrets', volume.secret?.secretName);
    add('configmaps', volume.configMap?.name);
    add('persistentvolumeclaims', volume.persistentVolumeClaim?.claimName);
    if (volume.ephemeral !== undefined) add('persistentvolumeclaims', `${podName}-${volume.name}`);
    for (const source of volume.projected?.sources ?? []) {
      add('secrets', source.secret?.name);
      add('configmaps', source.configMap?.name);
    }
  }
  for (const containers of [spec.initContainers, spec.containers, spec.ephemeralContainers]) {
    for (const { env, envFrom } of containers ?? []) {
      for (const { valueFrom } of env ?? []) {
        add('secrets', valueFrom?.secretKeyRef?.name);
        add('configmaps', valueFrom?.configMapKeyRef?.name);
      }
      for (const source of envFrom ?? []) {
        add('secrets', source.secretRef?.name);
        add('configmaps', source.configMapRef?.name);
      }
    }
  }
  return keys;
}
