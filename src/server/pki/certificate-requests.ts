/** What a certificate signing request asks to be certified. */
export interface RequestedNames {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ips: readonly string[];
  /** Email addresses and URIs, which no signer of ours certifies. */
  readonly otherNames: readonly string[];
}

/** Reads a PEM request. Throws for what is none. */
export async function readCertificateRequest(pem: string): Promise<RequestedNames> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const request = new x509.Pkcs10CertificateRequest(pem);
  const subject = request.subjectName;
  const alternative = request.extensions.find((extension) => extension instanceof x509.SubjectAlternativeNameExtension);
  const names = alternative instanceof x509.SubjectAlternativeNameExtension ? alternative.names.toJSON() : [];
  const ofType = (type: string): string[] => names.filter((name) => name.type === type).map(({ value }) => value);
  return {
    commonName: subject.getField('CN')[0] ?? '',
    organizations: subject.getField('O'),
    dnsNames: ofType('dns'),
    ips: ofType('ip'),
    otherNames: names.filter(({ type }) => type !== 'dns' && type !== 'ip').map(({ value }) => value),
  };
}

/** The organizations, which are groups, in the request of a CertificateSigningRequest (base64 of PEM). */
export async function organizationsOfRequest(base64: string): Promise<readonly string[]> {
  return (await readCertificateRequest(Buffer.from(base64, 'base64').toString())).organizations;
}
