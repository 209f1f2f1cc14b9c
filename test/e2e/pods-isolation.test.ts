/** What a pod shares with its host and its neighbours, and what it does not. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, before, test } from 'node:test';
import { command, eventually } from './kubectl.ts';
import { image, pod, sleepForever } from './manifests.ts';
import { PodScope } from './pod-scope.ts';

let scope: PodScope;
const never = { restartPolicy: 'Never' };

before(async () => {
  scope = await PodScope.create('isolation');
});
after(() => scope.remove());

async function output(name: string, shell: string, options: Parameters<typeof pod>[2]): Promise<string> {
  await scope.create(pod(name, shell, { ...options, spec: { ...never, ...options?.spec } }));
  const { status } = await scope.ends(name);
  const printed = await scope.logs(name);
  assert.equal(status.phase, 'Succeeded', printed);
  return printed;
}

test('user, group and supplemental groups', async () => {
  const securityContext = { runAsUser: 1001, runAsGroup: 2002, supplementalGroups: [3003] };
  assert.equal(await output('user', 'id -u; id -g; id -G', { spec: { securityContext } }), '1001\n2002\n2002 3003\n');
});

test('the container goes before the pod in its security context', async () => {
  const printed = await output('override', 'id -u; id -g', {
    spec: { securityContext: { runAsUser: 1001, runAsGroup: 2002 } },
    container: { securityContext: { runAsUser: 1009 } },
  });
  assert.equal(printed, '1009\n2002\n');
});

test('capabilities are taken and given; no new privileges; seccomp', async () => {
  const shell = 'grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status';
  const printed = await output('caps', shell, {
    spec: { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } },
    container: {
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } },
    },
  });
  assert.match(printed, /CapEff:\t0000000000000400/);
  assert.match(printed, /NoNewPrivs:\t1/);
  assert.match(printed, /Seccomp:\t2/);
});

test('sysctls that are safe are set in the pod alone', async () => {
  const securityContext = { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '77' }] };
  const path = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
  assert.equal(await output('sysctl', `cat ${path}`, { spec: { securityContext } }), '77\n');
  assert.notEqual((await command('cat', [path])).stdout, '77\n');
});

test('a sysctl that is not safe is refused by the node', async () => {
  const securityContext = {
    sysctls: [
      { name: 'kernel.msgmax', value: '1000' },
      { name: 'vm.swappiness', value: '1' },
    ],
  };
  await scope.create(pod('unsafe', sleepForever, { spec: { securityContext } }));
  const { status } = await scope.ends('unsafe');
  assert.deepEqual([status.phase, status.reason], ['Failed', 'SysctlForbidden']);
});

test('a privileged container has the devices of the host', async () => {
  const printed = await output('privileged', 'ls /dev | grep -c .', {
    container: { securityContext: { privileged: true } },
  });
  const plain = await output('plain', 'ls /dev | grep -c .', {});
  assert.ok(Number(printed) > Number(plain), `${printed} ${plain}`);
});

test('a pod on the host network has its addresses and its name', async () => {
  await scope.create(pod('on-host', sleepForever, { spec: { hostNetwork: true } }));
  await scope.ready('on-host');
  const { status } = await scope.read('on-host');
  assert.equal(status.podIP, status.hostIP);
  assert.equal((await scope.sh('on-host', 'hostname')).trim(), hostname());
});

test('hostPID shows the processes of the host, a pod of its own does not', async () => {
  assert.doesNotMatch(
    await output('host-pid', 'tr "\\0" " " < /proc/1/cmdline', { spec: { hostPID: true } }),
    /^sh -c/,
  );
  assert.match(await output('own-pid', 'tr "\\0" " " < /proc/1/cmdline; true', {}), /^sh -c/);
});

test('containers that share their processes see each other', async () => {
  const base = JSON.parse(pod('shares', sleepForever));
  const other = { name: 'other', image, imagePullPolicy: 'Never', command: ['sleep', '98765'] };
  const spec = { ...base.spec, shareProcessNamespace: true, containers: [...base.spec.containers, other] };
  await scope.create(JSON.stringify({ ...base, spec }));
  await scope.ready('shares');
  assert.match(await scope.sh('shares', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "'), /sleep 98765/);
});

test('host aliases, host name and subdomain stand in the hosts file', async () => {
  const printed = await output('aliases', 'cat /etc/hosts; hostname; hostname -f', {
    spec: {
      hostname: 'chosen',
      subdomain: 'below',
      hostAliases: [{ ip: '10.1.2.3', hostnames: ['foo.local', 'bar.local'] }],
    },
  });
  assert.match(printed, /^10\.1\.2\.3\tfoo\.local\tbar\.local$/m);
  const full = `chosen.below.${scope.namespace}.svc.cluster.local`;
  assert.match(printed, new RegExp(`^[\\d.]+\t${full}\tchosen$`, 'm'));
  assert.match(printed, /^chosen$/m);
  assert.match(printed, new RegExp(`^${full}$`, 'm'));
});

test('DNS settings of a pod', async () => {
  const printed = await output('dns', 'cat /etc/resolv.conf', {
    spec: {
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['1.1.1.1'], searches: ['example.org'], options: [{ name: 'ndots', value: '2' }] },
    },
  });
  assert.deepEqual(printed.trim().split('\n').sort(), ['nameserver 1.1.1.1', 'options ndots:2', 'search example.org']);
});

test('a host port leads to its pod, and is free again after it', async () => {
  const server = "require('node:http').createServer((q, s) => s.end('by host port')).listen(8080)";
  const manifest = (name: string): string =>
    pod(name, '', {
      container: {
        command: ['node', '-e', `${server}; process.on('SIGTERM', () => process.exit())`],
        ports: [{ containerPort: 8080, hostPort: 18_099 }],
        readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
      },
    });
  await scope.create(manifest('port-one'));
  await scope.ready('port-one');
  const { status } = await scope.read('port-one');
  const fetched = await eventually('an answer', async () => {
    const response = await fetch(`http://${status.hostIP}:18099/`, { signal: AbortSignal.timeout(2000) });
    return response.text();
  });
  assert.equal(fetched, 'by host port');
  await scope.kubectl('delete', 'pod', 'port-one');
  await scope.create(manifest('port-two'));
  await scope.ready('port-two');
});

test('arguments are expanded by the environment, and a double dollar is one', async () => {
  await scope.create(
    pod('expansion', '', {
      spec: never,
      container: {
        command: ['/bin/echo', '$(GREETING)'],
        args: ['$(WHO)', '$$(WHO)', '$(ABSENT)'],
        env: [
          { name: 'WHO', value: 'world' },
          { name: 'GREETING', value: 'hello-$(WHO)' },
        ],
      },
    }),
  );
  await scope.ends('expansion');
  assert.equal(await scope.logs('expansion'), 'hello-world world $(WHO) $(ABSENT)\n');
});
