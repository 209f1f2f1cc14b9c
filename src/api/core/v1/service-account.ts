import type { ResourceDefinition } from '../../resource.ts';
import { customSubresource, defineResource } from '../../strategy.ts';
import type { ServiceAccount } from './types.generated.ts';

export const serviceAccountResource: ResourceDefinition = defineResource<ServiceAccount>({
  version: 'v1',
  kind: 'ServiceAccount',
  resource: 'serviceaccounts',
  returnsDeletedObject: true,
  shortNames: ['sa'],
  schema: 'core/v1.ServiceAccount',
  allowUnconditionalUpdate: false,
  subresources: [
    customSubresource('token', 'TokenRequest', ['create'], { group: 'authentication.k8s.io', version: 'v1' }),
  ],
});
