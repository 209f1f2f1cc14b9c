import { isIP } from 'node:net';
import {
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  isValidPortNum,
} from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import {
  duplicate,
  type FieldPath,
  forbiddenField,
  invalidEach,
  invalidValue,
  notSupported,
  required,
  specPath,
} from '../../field-errors.ts';
import { validateLabels } from '../../label-validation.ts';
import { cidrProblem, isCidr } from './cidr.ts';
import { validatePortNumOrName } from './handler-validation.ts';
import { isHeadless } from './service-defaults.ts';
import type { Service, ServicePort, ServiceSpec } from './types.generated.ts';

const types: readonly string[] = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const protocols: readonly string[] = ['SCTP', 'TCP', 'UDP'];
const affinities: readonly string[] = ['ClientIP', 'None'];
const trafficPolicies: readonly string[] = ['Cluster', 'Local'];
const distributions: readonly string[] = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
const affinityTimeoutSecondsMax = 86400;
const ipProblem = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const changedProblem = 'may not change once set';

/** Names of services are DNS labels; they become host names. */
export function serviceNameProblem(name: string): string | undefined {
  return isDns1035Label(name)[0];
}

export function validateService(service: Service): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = service;
  const { type = '', ports = [] } = spec;
  if (ports.length === 0 && !isHeadless(spec) && type !== 'ExternalName')
    errors.push(required(specPath.child('ports')));
  validateType(spec, errors);
  validatePorts(spec, errors);
  if (spec.selector) validateLabels(spec.selector, specPath.child('selector'), errors);
  validateAffinity(spec, errors);
  validateAddresses(spec, errors);
  if (type === '') errors.push(required(specPath.child('type')));
  else if (!types.includes(type)) errors.push(notSupported(specPath.child('type'), type, types));
  validateTraffic(spec, errors);
  return errors;
}

export function validateServiceUpdate(service: Service, old: Service): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = service;
  const before = old.spec;
  if (spec.type !== 'ExternalName' && before?.type !== 'ExternalName') {
    const was = before?.clusterIPs ?? [];
    const is = spec.clusterIPs ?? [];
    const path = specPath.at('clusterIPs', 0);
    if (!(isHeadless(spec) && isHeadless(before)) && was.length > 0) {
      if (is.length === 0) errors.push(invalidValue(path, is, 'primary clusterIP can not be unset'));
      else if (is[0] !== was[0]) errors.push(invalidValue(path, is, changedProblem));
    }
    const families = before?.ipFamilies ?? [];
    const isChanged = families.length > 0 && (spec.ipFamilies ?? [])[0] !== families[0];
    if (isChanged) errors.push(invalidValue(specPath.at('ipFamilies', 0), spec.ipFamilies ?? [], changedProblem));
  }
  const wasClass = before?.loadBalancerClass;
  if (spec.type === 'LoadBalancer' && before?.type === 'LoadBalancer' && wasClass !== spec.loadBalancerClass) {
    errors.push(invalidValue(specPath.child('loadBalancerClass'), spec.loadBalancerClass ?? null, changedProblem));
  }
  errors.push(...validateService(service));
  return errors;
}

function validateType(spec: ServiceSpec, errors: FieldError[]): void {
  const { type } = spec;
  if ((type === 'LoadBalancer' || type === 'NodePort') && isHeadless(spec)) {
    const detail = `may not be set to 'None' for ${type} services`;
    errors.push(invalidValue(specPath.at('clusterIPs', 0), 'None', detail));
  }
  if (type !== 'ExternalName') return;
  const detail = 'may not be set for ExternalName services';
  if ((spec.clusterIPs ?? []).length > 0) errors.push(forbiddenField(specPath.child('clusterIPs'), detail));
  if ((spec.ipFamilies ?? []).length > 0) errors.push(forbiddenField(specPath.child('ipFamilies'), detail));
  if (spec.ipFamilyPolicy) errors.push(forbiddenField(specPath.child('ipFamilyPolicy'), detail));
  const name = spec.externalName?.endsWith('.') ? spec.externalName.slice(0, -1) : (spec.externalName ?? '');
  const path = specPath.child('externalName');
  if (name === '') errors.push(required(path));
  else invalidEach(errors, path, name, isDns1123Subdomain(name));
}

function validatePorts({ ports = [], type }: ServiceSpec, errors: FieldError[]): void {
  const names = new Set<string>();
  const pairs = new Set<string>();
  const nodePorts = new Set<string>();
  ports.forEach((port, index) => {
    const path = specPath.at('ports', index);
    validatePort(port, { path, isNameRequired: ports.length > 1, names }, errors);
    if (port.nodePort) {
      const at = path.child('nodePort');
      if (type === 'ClusterIP') errors.push(forbiddenField(at, "may not be used when `type` is 'ClusterIP'"));
      const pair = `${port.protocol ?? ''}/${port.nodePort}`;
      if (nodePorts.has(pair)) errors.push(duplicate(at, port.nodePort));
      nodePorts.add(pair);
    }
    const pair = `${port.protocol ?? ''}/${port.port}`;
    if (pairs.has(pair)) errors.push(duplicate(path, { protocol: port.protocol, port: port.port }));
    pairs.add(pair);
  });
}

function validatePort(
  port: ServicePort,
  of: { readonly path: FieldPath; readonly isNameRequired: boolean; readonly names: Set<string> },
  errors: FieldError[],
): void {
  const { path, names } = of;
  if (!port.name) {
    if (of.isNameRequired) errors.push(required(path.child('name')));
  } else {
    invalidEach(errors, path.child('name'), port.name, isDns1123Label(port.name));
    if (names.has(port.name)) errors.push(duplicate(path.child('name'), port.name));
    names.add(port.name);
  }
  invalidEach(errors, path.child('port'), port.port ?? 0, isValidPortNum(port.port ?? 0));
  if (!port.protocol) errors.push(required(path.child('protocol')));
  else if (!protocols.includes(port.protocol))
    errors.push(notSupported(path.child('protocol'), port.protocol, protocols));
  validatePortNumOrName(port.targetPort, path.child('targetPort'), errors);
  if (port.appProtocol) {
    invalidEach(errors, path.child('appProtocol'), port.appProtocol, isQualifiedName(port.appProtocol));
  }
}

function validateAffinity(spec: ServiceSpec, errors: FieldError[]): void {
  const { sessionAffinity = '', sessionAffinityConfig } = spec;
  const path = specPath.child('sessionAffinity');
  if (sessionAffinity === '') errors.push(required(path));
  else if (!affinities.includes(sessionAffinity)) errors.push(notSupported(path, sessionAffinity, affinities));
  const at = specPath.child('sessionAffinityConfig');
  if (sessionAffinity === 'ClientIP') {
    const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
    if (!sessionAffinityConfig) errors.push(required(at, 'when session affinity type is ClientIP'));
    else if (seconds === undefined)
      errors.push(required(at.child('clientIP'), 'when session affinity type is ClientIP'));
    else if (seconds <= 0 || seconds > affinityTimeoutSecondsMax) {
      const detail = `must be greater than 0 and less than ${affinityTimeoutSecondsMax}`;
      errors.push(invalidValue(at.child('clientIP').child('timeoutSeconds'), seconds, detail));
    }
  } else if (sessionAffinityConfig) {
    errors.push(forbiddenField(at, 'must not be set when session affinity is None'));
  }
}

const families: readonly string[] = ['IPv4', 'IPv6'];
const familyPolicies: readonly string[] = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

function validateAddresses(spec: ServiceSpec, errors: FieldError[]): void {
  const { clusterIP = '', clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec;
  ipFamilies.forEach((family, index) => {
    const path = specPath.at('ipFamilies', index);
    if (!families.includes(family)) errors.push(notSupported(path, family, families));
    if (ipFamilies.indexOf(family) !== index) errors.push(duplicate(path, family));
  });
  if (ipFamilyPolicy && !familyPolicies.includes(ipFamilyPolicy)) {
    errors.push(notSupported(specPath.child('ipFamilyPolicy'), ipFamilyPolicy, familyPolicies));
  }
  const path = specPath.child('clusterIPs');
  if (clusterIPs.length > 0 && clusterIP !== clusterIPs[0]) {
    errors.push(invalidValue(path, clusterIPs, 'first value must match `clusterIP`'));
  } else if (clusterIPs.length === 0 && clusterIP !== '' && spec.type !== 'ExternalName') errors.push(required(path));
  clusterIPs.forEach((address, index) => {
    if (address === 'None' && index === 0 && clusterIPs.length === 1) return;
    if (isIP(address) === 0) errors.push(invalidValue(path.index(index), address, ipProblem));
  });
  if (clusterIPs.length > 2) {
    const detail = 'may only hold up to 2 values';
    errors.push(invalidValue(path, clusterIPs, detail));
  }
  spec.externalIPs?.forEach((address, index) => {
    if (isIP(address) === 0) errors.push(invalidValue(specPath.at('externalIPs', index), address, ipProblem));
    else if (isSpecialAddress(address)) {
      const detail = 'may not be unspecified, in the loopback range (127.0.0.0/8, ::1/128) or link-local';
      errors.push(invalidValue(specPath.at('externalIPs', index), address, detail));
    }
  });
}

function isSpecialAddress(address: string): boolean {
  return /^(?:0\.0\.0\.0|::1?|127\..*|169\.254\..*|224\.0\.0\..*|fe80:.*)$/i.test(address);
}

function validateTraffic(spec: ServiceSpec, errors: FieldError[]): void {
  const { type, externalTrafficPolicy, internalTrafficPolicy, trafficDistribution } = spec;
  const isExternal =
    type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);
  const external = specPath.child('externalTrafficPolicy');
  if (externalTrafficPolicy) {
    if (!isExternal) {
      errors.push(invalidValue(external, externalTrafficPolicy, 'may only be set for externally-accessible services'));
    } else if (!trafficPolicies.includes(externalTrafficPolicy)) {
      errors.push(notSupported(external, externalTrafficPolicy, trafficPolicies));
    }
  } else if (isExternal) errors.push(required(external));
  if (internalTrafficPolicy && !trafficPolicies.includes(internalTrafficPolicy)) {
    errors.push(notSupported(specPath.child('internalTrafficPolicy'), internalTrafficPolicy, trafficPolicies));
  }
  if (trafficDistribution && !distributions.includes(trafficDistribution)) {
    errors.push(notSupported(specPath.child('trafficDistribution'), trafficDistribution, distributions));
  }
  const isBalanced = type === 'LoadBalancer';
  const onlyBalanced = "may only be used when `type` is 'LoadBalancer'";
  if (!isBalanced && spec.allocateLoadBalancerNodePorts !== undefined) {
    errors.push(forbiddenField(specPath.child('allocateLoadBalancerNodePorts'), onlyBalanced));
  }
  validateSourceRanges(spec, errors);
  if (!isBalanced && spec.loadBalancerClass !== undefined) {
    errors.push(forbiddenField(specPath.child('loadBalancerClass'), onlyBalanced));
  }
  const checkPort = spec.healthCheckNodePort ?? 0;
  if (checkPort !== 0 && !(isBalanced && externalTrafficPolicy === 'Local')) {
    const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(invalidValue(specPath.child('healthCheckNodePort'), checkPort, detail));
  }
}

/** Upstream writes this field with a capital here. */
const sourceRangesPath = specPath.child('LoadBalancerSourceRanges');

function validateSourceRanges({ type, loadBalancerSourceRanges = [] }: ServiceSpec, errors: FieldError[]): void {
  if (loadBalancerSourceRanges.length === 0) return;
  if (type !== 'LoadBalancer') {
    errors.push(forbiddenField(sourceRangesPath, "may only be used when `type` is 'LoadBalancer'"));
  }
  loadBalancerSourceRanges.forEach((range, index) => {
    if (!isCidr(range.trim())) errors.push(invalidValue(sourceRangesPath.index(index), range.trim(), cidrProblem));
  });
}
