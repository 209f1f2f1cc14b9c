import type { Pod } from '../../api/core/v1/types.generated.ts';

export interface PodHostname {
  readonly hostname: string;
  /** `pod.subdomain.namespace.svc.domain`; empty without a subdomain. */
  readonly fullName: string;
}

const hostnameLengthMax = 63;

/** A pod's name cut to what a host may be called, unless it says its own. */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const { hostname, subdomain, hostnameOverride, setHostnameAsFQDN } = pod.spec ?? {};
  if (hostnameOverride !== undefined && hostnameOverride !== '') return { hostname: hostnameOverride, fullName: '' };
  const own = hostname === undefined || hostname === '' ? (pod.metadata.name ?? '') : hostname;
  const short = own.slice(0, hostnameLengthMax).replace(/[-.]+$/, '');
  if (subdomain === undefined || subdomain === '') return { hostname: short, fullName: '' };
  const fullName = `${short}.${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}`;
  return { hostname: setHostnameAsFQDN === true ? fullName : short, fullName };
}

/** /etc/hosts of the pod's containers. A pod on the host's network starts from the host's own file. */
export function hostsFile(
  pod: Pod,
  names: PodHostname,
  podIps: readonly string[],
  hostFile: string | undefined,
): string {
  const aliases = (pod.spec?.hostAliases ?? [])
    .filter(({ hostnames }) => (hostnames ?? []).length > 0)
    .map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}`);
  const aliasText = aliases.length === 0 ? '' : `\n# Entries added by HostAliases.\n${aliases.join('\n')}\n`;
  if (hostFile !== undefined) {
    return `# Kubernetes-managed hosts file (host network).\n${hostFile.replace(/\n?$/, '\n')}${aliasText}`;
  }
  const lines = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
  ];
  for (const ip of podIps) {
    lines.push(names.fullName === '' ? `${ip}\t${names.hostname}` : `${ip}\t${names.fullName}\t${names.hostname}`);
  }
  return `${lines.join('\n')}\n${aliasText}`;
}
