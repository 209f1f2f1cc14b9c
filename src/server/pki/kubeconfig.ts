import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { KeyPair } from './certificates.ts';
import { writeSecret } from './pki.ts';

export interface KubeconfigParts {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  readonly caCertificate: string;
  readonly credentials: KeyPair;
  readonly cluster: string;
  readonly user: string;
}

/** A kubeconfig with everything embedded. Every value is JSON-quoted, which is YAML too. */
export function formatKubeconfig({ server, caCertificate, credentials, cluster, user }: KubeconfigParts): string {
  const text = (value: string): string => JSON.stringify(value);
  const data = (pem: string): string => Buffer.from(pem).toString('base64');
  const context = `${user}@${cluster}`;
  return `apiVersion: v1
kind: Config
clusters:
- name: ${text(cluster)}
  cluster:
    server: ${text(server)}
    certificate-authority-data: ${data(caCertificate)}
users:
- name: ${text(user)}
  user:
    client-certificate-data: ${data(credentials.certificate)}
    client-key-data: ${data(credentials.key)}
contexts:
- name: ${text(context)}
  context:
    cluster: ${text(cluster)}
    user: ${text(user)}
current-context: ${text(context)}
`;
}

/** Mode 0600, replaced whole. */
export async function writeKubeconfig(path: string, parts: KubeconfigParts): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeSecret(path, formatKubeconfig(parts));
}
