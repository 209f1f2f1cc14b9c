import ipaddr from 'ipaddr.js';
import { isValidPortName, isValidPortNum } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { selectorCell } from '../../apps/v1/columns.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { checkChoice } from '../../field-checks.ts';
import { type FieldPath, forbiddenField, invalidEach, invalidValue, required, specPath } from '../../field-errors.ts';
import { validateLabelSelector } from '../../label-validation.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { isCidr } from './cidr.ts';
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from './types.generated.ts';

export const networkPolicyResource: ResourceDefinition = defineResource<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  resource: 'networkpolicies',
  shortNames: ['netpol'],
  schema: 'networking/v1.NetworkPolicy',
  columns: [
    nameColumn,
    column<NetworkPolicy>('Pod-Selector', ({ spec }) => selectorCell(spec.podSelector ?? {})),
    ageColumn,
  ],
  generation: ['spec'],
  defaults: applyDefaults,
  validate: validateNetworkPolicy,
});

function applyDefaults(policy: NetworkPolicy): void {
  policy.spec ??= {};
  const spec = policy.spec;
  spec.podSelector ??= {};
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
  }
  if (spec.policyTypes === undefined || spec.policyTypes.length === 0) {
    spec.policyTypes = (spec.egress?.length ?? 0) > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  }
}

function validateNetworkPolicy({ spec }: NetworkPolicy): FieldError[] {
  const errors: FieldError[] = [];
  validateLabelSelector(spec.podSelector, specPath.child('podSelector'), errors);
  spec.ingress?.forEach((rule, index) => {
    const path = specPath.at('ingress', index);
    checkPorts(errors, path.child('ports'), rule.ports ?? []);
    rule.from?.forEach((peer, peerIndex) => {
      checkPeer(errors, path.at('from', peerIndex), peer);
    });
  });
  spec.egress?.forEach((rule, index) => {
    const path = specPath.at('egress', index);
    checkPorts(errors, path.child('ports'), rule.ports ?? []);
    rule.to?.forEach((peer, peerIndex) => {
      checkPeer(errors, path.at('to', peerIndex), peer);
    });
  });
  const typesPath = specPath.child('policyTypes');
  if ((spec.policyTypes?.length ?? 0) > 2) {
    errors.push(invalidValue(typesPath, spec.policyTypes, 'may not specify more than two policyTypes'));
  }
  spec.policyTypes?.forEach((type, index) => {
    checkChoice(errors, typesPath.index(index), type, ['Egress', 'Ingress']);
  });
  return errors;
}

function checkPorts(errors: FieldError[], path: FieldPath, ports: readonly NetworkPolicyPort[]): void {
  ports.forEach(({ protocol, port, endPort }, index) => {
    const at = path.index(index);
    checkChoice(errors, at.child('protocol'), protocol, ['SCTP', 'TCP', 'UDP']);
    if (typeof port === 'number') invalidEach(errors, at.child('port'), port, isValidPortNum(port));
    if (typeof port === 'string') invalidEach(errors, at.child('port'), port, isValidPortName(port));
    if (endPort === undefined) return;
    const endPath = at.child('endPort');
    if (port === undefined)
      errors.push(invalidValue(endPath, endPort, 'may not be specified when `port` is not specified'));
    else if (typeof port === 'string') {
      errors.push(invalidValue(endPath, endPort, 'may not be specified when `port` is non-numeric'));
    } else if (endPort < port) errors.push(invalidValue(endPath, endPort, 'must be greater than or equal to `port`'));
    invalidEach(errors, endPath, endPort, isValidPortNum(endPort));
  });
}

function checkPeer(errors: FieldError[], path: FieldPath, peer: NetworkPolicyPeer): void {
  validateLabelSelector(peer.podSelector, path.child('podSelector'), errors);
  validateLabelSelector(peer.namespaceSelector, path.child('namespaceSelector'), errors);
  if (peer.ipBlock !== undefined) checkBlock(errors, path.child('ipBlock'), peer.ipBlock);
  const selectors = Number(peer.podSelector !== undefined) + Number(peer.namespaceSelector !== undefined);
  if (selectors === 0 && peer.ipBlock === undefined) errors.push(required(path, 'must specify a peer'));
  if (selectors > 0 && peer.ipBlock !== undefined) {
    errors.push(forbiddenField(path, 'may not specify both ipBlock and another peer'));
  }
}

function checkBlock(errors: FieldError[], path: FieldPath, block: IPBlock): void {
  const cidr = block.cidr ?? '';
  const cidrPath = path.child('cidr');
  const detail = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
  if (cidr === '') {
    errors.push(required(cidrPath));
    return;
  }
  if (!isCidr(cidr)) {
    errors.push(invalidValue(cidrPath, cidr, detail));
    return;
  }
  block.except?.forEach((except, index) => {
    const at = path.at('except', index);
    if (!isCidr(except)) errors.push(invalidValue(at, except, detail));
    else if (!isStrictlyInside(except, cidr)) {
      errors.push(invalidValue(at, except, 'must be a strict subset of `cidr`'));
    }
  });
}

function isStrictlyInside(inner: string, outer: string): boolean {
  const [address, length] = ipaddr.parseCIDR(inner);
  const [base, baseLength] = ipaddr.parseCIDR(outer);
  return address.kind() === base.kind() && length > baseLength && address.match(base, baseLength);
}
