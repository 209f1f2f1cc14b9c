import type { ResourceDefinition } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { AdmissionChain } from '../contract.ts';
import type { RequestContext } from '../request.ts';
import { isTrue } from './command.ts';

/** The options object that admission is shown, by `resource/subresource`. Reading logs is a get and admitted by no one. */
const optionsKinds: Readonly<Record<string, string>> = {
  'pods/exec': 'PodExecOptions',
  'pods/attach': 'PodAttachOptions',
  'pods/portforward': 'PodPortForwardOptions',
  'pods/proxy': 'PodProxyOptions',
  'services/proxy': 'ServiceProxyOptions',
  'nodes/proxy': 'NodeProxyOptions',
};

/** Admission of a stream: the operation CONNECT. Throws when a plugin refuses. */
export async function admitConnect(
  admission: AdmissionChain | undefined,
  { info, user, query, warnings, annotations }: RequestContext,
  row: ResourceDefinition,
): Promise<void> {
  const kind = optionsKinds[`${row.resource}/${info.subresource}`];
  const subject = {
    operation: 'CONNECT' as const,
    group: row.group,
    resource: row.resource,
    subresource: info.subresource,
  };
  if (admission === undefined || kind === undefined || !admission.handles(subject)) return;
  const attributes = {
    ...subject,
    user,
    version: row.version,
    kind,
    namespace: row.namespaced ? info.namespace : '',
    name: info.name,
    dryRun: false,
    object: optionsObject(kind, query, info.rest),
    options: {},
    warnings,
    annotations,
  };
  await admission.admit(attributes);
  await admission.validate(attributes);
}

function optionsObject(kind: string, query: URLSearchParams, rest: readonly string[]): UnknownObject {
  const flags = Object.fromEntries(
    ['stdin', 'stdout', 'stderr', 'tty'].filter((name) => isTrue(query.get(name))).map((name) => [name, true]),
  );
  const container = query.get('container') ?? '';
  const command = query.getAll('command');
  const ports = query.getAll('ports').flatMap((text) => text.split(',').map(Number));
  // Options have no metadata, though every object that admission knows has.
  const metadata = {} as UnknownObject['metadata'];
  return {
    kind,
    apiVersion: 'v1',
    metadata,
    ...flags,
    ...(container === '' ? {} : { container }),
    ...(command.length === 0 ? {} : { command }),
    ...(ports.length === 0 ? {} : { ports }),
    ...(kind.endsWith('ProxyOptions') ? { path: `/${rest.join('/')}` } : {}),
  };
}
