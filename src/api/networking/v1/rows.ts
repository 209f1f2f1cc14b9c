import type { ResourceDefinition } from '../../resource.ts';
import { ingressClassResource, ingressResource } from './ingress.ts';
import { networkPolicyResource } from './networkpolicy.ts';
import { ipAddressResource, serviceCidrResource } from './service-ranges.ts';

export const networkingResources: readonly ResourceDefinition[] = [
  ingressClassResource,
  ingressResource,
  ipAddressResource,
  networkPolicyResource,
  serviceCidrResource,
];
