import type { CertificateSigningRequest } from '../../api/certificates/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import { equal } from '../../machinery/json.ts';
import { invalid } from '../../machinery/status-error.ts';
import { organizationsOfRequest } from '../pki/certificate-requests.ts';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer, UserInfo } from '../request.ts';
import { refuse } from './refusals.ts';

const group = 'certificates.k8s.io';
export const clientSigner = 'kubernetes.io/kube-apiserver-client';

type Asked = Pick<AdmissionAttributes, 'operation' | 'group' | 'resource' | 'subresource'>;

function isRequest({ operation, group: of, resource, subresource }: Asked, on: string, part: string): boolean {
  return operation === on && of === group && resource === 'certificatesigningrequests' && subresource === part;
}

/** Approving takes the right to approve for that signer, besides the right to write the subresource. */
export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    handles: (attributes) => isRequest(attributes, 'UPDATE', 'approval'),
    async validate(attributes) {
      if (attributes.oldObject === undefined) return;
      const { signerName } = as<CertificateSigningRequest>(attributes.oldObject).spec;
      if (await maySign(authorizer, attributes.user, signerName, 'approve')) return;
      throw refuse(attributes, `user not permitted to approve requests with signerName ${JSON.stringify(signerName)}`);
    },
  };
}

/** Writing a certificate takes the right to sign for that signer. */
export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    handles: (attributes) => isRequest(attributes, 'UPDATE', 'status'),
    async validate(attributes) {
      if (attributes.oldObject === undefined || attributes.object === undefined) return;
      const old = as<CertificateSigningRequest>(attributes.oldObject);
      const { status } = as<CertificateSigningRequest>(attributes.object);
      if (
        (old.status?.certificate ?? '') === (status?.certificate ?? '') &&
        equal(old.status?.conditions, status?.conditions)
      ) {
        return;
      }
      const { signerName } = old.spec;
      if (await maySign(authorizer, attributes.user, signerName, 'sign')) return;
      throw refuse(attributes, `user not permitted to sign requests with signerName ${JSON.stringify(signerName)}`);
    },
  };
}

/** What asks for a certificate can be read, and nobody becomes a superuser by one. */
export function certificateSubjectRestriction(): AdmissionPlugin {
  return {
    name: 'CertificateSubjectRestriction',
    handles: (attributes) => isRequest(attributes, 'CREATE', ''),
    async validate(attributes) {
      if (attributes.object === undefined) return;
      const { signerName, request } = as<CertificateSigningRequest>(attributes.object).spec;
      const organizations = await organizationsOf(attributes, request);
      if (signerName !== clientSigner || !organizations.includes('system:masters')) return;
      throw refuse(attributes, `use of ${clientSigner} signer with system:masters group is not allowed`);
    },
  };
}

async function organizationsOf(
  { group: of, kind, name }: AdmissionAttributes,
  request: string,
): Promise<readonly string[]> {
  try {
    return await organizationsOfRequest(request);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const detail = `the certificate signing request cannot be read: ${why}`;
    throw invalid({ group: of, kind }, name, [{ type: 'invalid', field: 'spec.request', value: request, detail }]);
  }
}

/** The name of a signer, or of all signers of its domain. */
async function maySign(authorizer: Authorizer, user: UserInfo, signerName: string, verb: string): Promise<boolean> {
  const all = `${signerName.split('/')[0] ?? ''}/*`;
  for (const name of [signerName, all]) {
    const { decision } = await authorizer.authorize({
      user,
      verb,
      isResourceRequest: true,
      group,
      version: '*',
      resource: 'signers',
      subresource: '',
      namespace: '',
      name,
      path: '',
    });
    if (decision === 'allow') return true;
  }
  return false;
}
