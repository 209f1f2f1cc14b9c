import { readFile, rename, writeFile } from 'node:fs/promises';

/** Puts a new client certificate and key (PEM) in the place of those of the current context; replaced whole, 0600. */
export async function replaceCredentials(
  path: string,
  credentials: { certificate: string; key: string },
): Promise<void> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(await readFile(path, 'utf8'));
  const config = document.toJS() as {
    'current-context'?: string;
    contexts?: { name: string; context: { user: string } }[];
    users?: { name: string }[];
  };
  const context = config.contexts?.find(({ name }) => name === config['current-context'])?.context;
  const at = config.users?.findIndex(({ name }) => name === context?.user) ?? -1;
  if (at < 0) throw new Error(`The kubeconfig "${path}" names no user in its current context`);
  const user = ['users', at, 'user'];
  document.deleteIn([...user, 'client-certificate']);
  document.deleteIn([...user, 'client-key']);
  document.setIn([...user, 'client-certificate-data'], Buffer.from(credentials.certificate).toString('base64'));
  document.setIn([...user, 'client-key-data'], Buffer.from(credentials.key).toString('base64'));
  const temporary = `${path}.${process.pid}.new`;
  await writeFile(temporary, document.toString({ lineWidth: 0 }), { mode: 0o600 });
  await rename(temporary, path);
}
