import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodSpec } from '../../api/core/v1/types.generated.ts';
import { formatResolvConf, parseResolvConf, podDns } from './dns-config.ts';
import { hostsFile, podHostname } from './hosts-file.ts';

const pod = (spec: Partial<PodSpec>): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-0', namespace: 'shop' },
  spec: { containers: [], ...spec },
});
const host = parseResolvConf('# comment\nnameserver 9.9.9.9\nsearch lan.example.\noptions timeout:1\n');
const cluster = { ip: '10.96.0.10', domain: 'cluster.local' };

const resolvers: [string, Partial<PodSpec>, string][] = [
  [
    'ClusterFirst',
    {},
    'search shop.svc.cluster.local svc.cluster.local cluster.local lan.example\nnameserver 10.96.0.10\noptions ndots:5\n',
  ],
  ['Default', { dnsPolicy: 'Default' }, 'search lan.example\nnameserver 9.9.9.9\noptions timeout:1\n'],
  [
    'ClusterFirst on the host network',
    { hostNetwork: true },
    'search lan.example\nnameserver 9.9.9.9\noptions timeout:1\n',
  ],
  [
    'None with its own config',
    {
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['1.1.1.1'],
        searches: ['a.b'],
        options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
      },
    },
    'search a.b\nnameserver 1.1.1.1\noptions ndots:2 edns0\n',
  ],
  [
    'ClusterFirst with an option over the default',
    { dnsConfig: { options: [{ name: 'ndots', value: '1' }] } },
    'search shop.svc.cluster.local svc.cluster.local cluster.local lan.example\nnameserver 10.96.0.10\noptions ndots:1\n',
  ],
];

for (const [name, spec, expected] of resolvers) {
  test(`resolv.conf of ${name}`, () => assert.equal(formatResolvConf(podDns(pod(spec), host, cluster)), expected));
}

test('the hosts file names the pod by its subdomain and lists aliases', () => {
  const described = pod({ subdomain: 'web', hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }] });
  const text = hostsFile(described, podHostname(described, 'cluster.local'), ['10.0.0.5'], undefined);
  assert.match(text, /^10\.0\.0\.5\tweb-0\.web\.shop\.svc\.cluster\.local\tweb-0$/m);
  assert.match(text, /^# Entries added by HostAliases\.\n1\.2\.3\.4\ta\tb$/m);
});

test('a long pod name is cut to a host name that does not end in a dash', () => {
  const long = pod({});
  long.metadata.name = `${'a'.repeat(62)}-tail`;
  assert.equal(podHostname(long, 'cluster.local').hostname, 'a'.repeat(62));
});
