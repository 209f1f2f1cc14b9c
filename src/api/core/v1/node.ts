import { equal } from '../../../machinery/json.ts';
import { isValidLabelValue } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import {
  duplicate,
  type FieldPath,
  forbiddenField,
  invalidEach,
  invalidValue,
  notSupported,
  FieldPath as Path,
  required,
  specPath,
  statusPath,
} from '../../field-errors.ts';
import { validateLabelName } from '../../label-validation.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { customSubresource, defineResource } from '../../strategy.ts';
import { cidrProblem, isCidr } from './cidr.ts';
import { validateResourceQuantityValue } from './container-resources.ts';
import { canonicalizeResources, checkQuantity, type ResourceList } from './resource-list.ts';
import type { Node, Taint } from './types.generated.ts';

export const nodeResource: ResourceDefinition = defineResource<Node>({
  version: 'v1',
  kind: 'Node',
  resource: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  schema: 'core/v1.Node',
  columns: [
    nameColumn,
    column<Node>('Status', statusCell, { description: 'Ready or not, and whether pods may be scheduled on it' }),
    column<Node>('Roles', rolesCell, { description: 'Roles, from its node-role labels' }),
    ageColumn,
    column<Node>('Version', (node) => node.status?.nodeInfo?.kubeletVersion ?? '', {
      description: 'Version of the agent that runs it',
    }),
    column<Node>('Internal-IP', (node) => addressCell(node, 'InternalIP'), { wide: true }),
    column<Node>('External-IP', (node) => addressCell(node, 'ExternalIP'), { wide: true }),
    column<Node>('OS-Image', (node) => node.status?.nodeInfo?.osImage || '<unknown>', { wide: true }),
    column<Node>('Kernel-Version', (node) => node.status?.nodeInfo?.kernelVersion || '<unknown>', { wide: true }),
    column<Node>('Container-Runtime', (node) => node.status?.nodeInfo?.containerRuntimeVersion || '<unknown>', {
      wide: true,
    }),
  ],
  selectableFields: { 'spec.unschedulable': (node) => String(node.spec?.unschedulable === true) },
  // An agent registers itself with the status that it has measured.
  hasStatus: false,
  defaults(node) {
    node.spec ??= {};
    const { status } = node;
    if (status === undefined || status === null) return;
    canonicalizeResources(status.capacity);
    if (status.allocatable === undefined && status.capacity !== undefined) status.allocatable = { ...status.capacity };
    canonicalizeResources(status.allocatable);
  },
  prepareForUpdate(node, old) {
    if (old.status === undefined) delete node.status;
    else node.status = old.status;
  },
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  statusSubresource: { validateUpdate: validateNodeStatus },
  subresources: [customSubresource('proxy', 'NodeProxyOptions', ['create', 'delete', 'get', 'patch', 'update'])],
});

const rolePrefix = 'node-role.kubernetes.io/';
const roleLabel = 'kubernetes.io/role';

function statusCell(node: Node): string {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  const words = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'];
  if (node.spec?.unschedulable === true) words.push('SchedulingDisabled');
  return words.join(',');
}

function rolesCell(node: Node): string {
  const roles = new Set<string>();
  const labels = node.metadata.labels ?? {};
  for (const label of Object.keys(labels)) {
    if (label.startsWith(rolePrefix) && label.length > rolePrefix.length) roles.add(label.slice(rolePrefix.length));
    else if (label === roleLabel && labels[label]) roles.add(labels[label]);
  }
  return roles.size === 0 ? '<none>' : [...roles].sort().join(',');
}

function addressCell(node: Node, type: string): string {
  return node.status?.addresses?.find((address) => address.type === type)?.address ?? '<none>';
}

function validateNode(node: Node): FieldError[] {
  const errors: FieldError[] = [];
  validateTaints(node.spec?.taints, errors);
  const { podCIDRs = [], podCIDR } = node.spec ?? {};
  if (podCIDR && podCIDRs.length > 0 && podCIDRs[0] !== podCIDR) {
    const detail = 'spec.podCIDR must match the first entry of spec.podCIDRs';
    errors.push(invalidValue(specPath.at('podCIDRs', 0), podCIDRs[0], detail));
  }
  podCIDRs.forEach((cidr, index) => {
    if (!isCidr(cidr)) errors.push(invalidValue(specPath.at('podCIDRs', index), cidr, cidrProblem));
  });
  if (podCIDRs.length > 2) {
    const detail = 'may specify no more than one CIDR for each IP family';
    errors.push(invalidValue(specPath.child('podCIDRs'), podCIDRs, detail));
  }
  validateAmounts(node.status?.capacity, statusPath.child('capacity'), errors);
  validateAmounts(node.status?.allocatable, statusPath.child('allocatable'), errors);
  return errors;
}

function validateNodeUpdate(node: Node, old: Node): FieldError[] {
  const errors = validateNode(node);
  const before = old.spec ?? {};
  const after = node.spec ?? {};
  if ((before.podCIDRs ?? []).length > 0 && !equal(before.podCIDRs, after.podCIDRs)) {
    errors.push(
      forbiddenField(specPath.child('podCIDRs'), 'node updates may not change podCIDR except from "" to valid'),
    );
  }
  if (before.providerID && before.providerID !== after.providerID) {
    const detail = 'node updates may not change providerID except from "" to valid';
    errors.push(forbiddenField(specPath.child('providerID'), detail));
  }
  return errors;
}

function validateNodeStatus(node: Node): FieldError[] {
  const errors: FieldError[] = [];
  validateAmounts(node.status?.capacity, statusPath.child('capacity'), errors);
  validateAmounts(node.status?.allocatable, statusPath.child('allocatable'), errors);
  const seen = new Set<string>();
  node.status?.addresses?.forEach(({ type, address }, index) => {
    const key = `${type}/${address}`;
    if (seen.has(key)) errors.push(duplicate(statusPath.at('addresses', index), { type, address }));
    seen.add(key);
  });
  return errors;
}

function validateAmounts(list: ResourceList | undefined, path: FieldPath, errors: FieldError[]): void {
  for (const name of Object.keys(list ?? {})) {
    const at = path.key(name);
    const value = list?.[name];
    if (checkQuantity(value, at, errors)) validateResourceQuantityValue(name, value, at, errors);
  }
}

const effects: readonly string[] = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const taintsPath = new Path('taints', specPath);

function validateTaints(taints: readonly Taint[] | undefined, errors: FieldError[]): void {
  const seen = new Set<string>();
  taints?.forEach((taint, index) => {
    const path = taintsPath.index(index);
    const { key, value = '', effect } = taint;
    validateLabelName(key, path.child('key'), errors);
    invalidEach(errors, path.child('value'), value, isValidLabelValue(value));
    if (!effect) errors.push(required(path.child('effect')));
    else if (!effects.includes(effect)) errors.push(notSupported(path.child('effect'), effect, effects));
    const pair = `${key}:${effect}`;
    if (seen.has(pair)) {
      errors.push({ ...duplicate(path, taint), detail: 'taints must be unique by key and effect pair' });
    }
    seen.add(pair);
  });
}
