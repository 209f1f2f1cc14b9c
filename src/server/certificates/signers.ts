import type { CertificateSigningRequestSpec } from '../../api/certificates/v1/types.generated.ts';
import type { RequestedNames } from '../pki/certificate-requests.ts';

/** Answers why the signer does not sign such a request; undefined: it does. */
type Check = (names: RequestedNames, spec: CertificateSigningRequestSpec) => string | undefined;

export const kubeletClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';

/** The signers this server is, each with what it is willing to certify: pkg/apis/certificates/helpers.go. */
export const signers: Readonly<Record<string, Check>> = {
  'kubernetes.io/kube-apiserver-client': checkClient,
  [kubeletClientSigner]: checkKubeletClient,
  'kubernetes.io/kubelet-serving': checkKubeletServing,
  'kubernetes.io/legacy-unknown': () => undefined,
};

const clientUsages = ['client auth', 'digital signature', 'key encipherment'];
const servingUsages = ['server auth', 'digital signature', 'key encipherment'];

function checkClient(_names: RequestedNames, { usages = [] }: CertificateSigningRequestSpec): string | undefined {
  if (!usages.includes('client auth')) return 'missing required client auth usage';
  const other = usages.find((usage) => !clientUsages.includes(usage));
  return other === undefined ? undefined : `${JSON.stringify(other)} is not an allowed usage of this signer`;
}

function checkKubeletClient(names: RequestedNames, { usages = [] }: CertificateSigningRequestSpec): string | undefined {
  const problem = nodeSubjectProblem(names);
  if (problem !== undefined) return problem;
  if (names.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (names.ips.length > 0) return 'IP subjectAltNames are not allowed';
  if (names.otherNames.length > 0) return 'Email and URI subjectAltNames are not allowed';
  return usagesProblem(usages, clientUsages);
}

function checkKubeletServing(names: RequestedNames, spec: CertificateSigningRequestSpec): string | undefined {
  const problem = nodeSubjectProblem(names);
  if (problem !== undefined) return problem;
  if (names.dnsNames.length === 0 && names.ips.length === 0) return 'DNS or IP subjectAltName is required';
  if (names.otherNames.length > 0) return 'Email and URI subjectAltNames are not allowed';
  if (spec.username !== names.commonName) return 'the requestor is not the node that the subject names';
  return usagesProblem(spec.usages ?? [], servingUsages);
}

function nodeSubjectProblem({ organizations, commonName }: RequestedNames): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== 'system:nodes') {
    return 'subject organization is not system:nodes';
  }
  return commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node:';
}

/** Exactly these, where key encipherment may be left out. */
function usagesProblem(usages: readonly string[], allowed: readonly string[]): string | undefined {
  const [purpose = '', ...others] = allowed;
  const isExact =
    usages.includes(purpose) &&
    usages.includes('digital signature') &&
    usages.every((usage) => usage === purpose || others.includes(usage));
  return isExact ? undefined : 'usages did not match what this signer requires';
}

/** Whether a request for a kubelet's client certificate is one that may be approved without a person. */
export function isKubeletClientRequest(names: RequestedNames, spec: CertificateSigningRequestSpec): boolean {
  return spec.signerName === kubeletClientSigner && checkKubeletClient(names, spec) === undefined;
}
