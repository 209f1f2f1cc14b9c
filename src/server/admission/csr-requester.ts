import type { CertificateSigningRequest } from '../../api/certificates/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { AdmissionPlugin } from '../request.ts';

/** Writes who asks for a certificate into the request, whatever the client put there. */
export function csrRequester(): AdmissionPlugin {
  return {
    name: 'CertificateSigningRequester',
    handles: ({ operation, group, resource, subresource }) =>
      operation === 'CREATE' &&
      group === 'certificates.k8s.io' &&
      resource === 'certificatesigningrequests' &&
      subresource === '',
    async admit({ object, user }) {
      if (object === undefined) return;
      const { spec } = as<CertificateSigningRequest>(object);
      spec.username = user.name;
      spec.groups = [...user.groups];
      if (user.uid === undefined) delete spec.uid;
      else spec.uid = user.uid;
      if (user.extra === undefined) delete spec.extra;
      else spec.extra = Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]]));
    },
  };
}
