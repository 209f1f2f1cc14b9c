import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerConfig } from '../contract.ts';
import { containerHostConfig } from './host-config.ts';
import { grantable, type HostPrivileges, parseHostPrivileges } from './privileges.ts';

const full: HostPrivileges = parseHostPrivileges('CapBnd:\t000001ffffffffff\n');
const held = parseHostPrivileges('CapEff:\t0\nCapBnd:\t000001fffeffffff\n');

const sharing = { hostNetwork: false, hostPid: false, hostIpc: false, shareProcessNamespace: true };
const config = (privileged: boolean): ContainerConfig => ({
  pod: { uid: 'u', namespace: 'ns', name: 'p' },
  name: 'c',
  attempt: 0,
  image: 'i',
  command: [],
  args: [],
  workingDir: '',
  env: [],
  mounts: [{ hostPath: '/a', containerPath: '/b', readOnly: true, propagation: 'hostToContainer' }],
  devices: [],
  labels: {},
  annotations: {},
  stdin: false,
  stdinOnce: false,
  tty: false,
  resources: { cpuShares: 512, cpuQuotaMicros: 50_000, memoryLimitBytes: 1024, oomScoreAdj: -997, pidsLimit: 0 },
  security: {
    privileged,
    supplementalGroups: [7],
    readOnlyRootFilesystem: false,
    noNewPrivileges: true,
    addCapabilities: ['NET_ADMIN'],
    dropCapabilities: ['ALL'],
    seccompProfile: 'unconfined',
    apparmorProfile: '',
    selinuxLabel: [],
  },
  stopSignal: '',
});

test('the bounding set tells which capabilities this machine holds back', () => {
  assert.deepEqual(full.missing, []);
  assert.deepEqual(held.missing, ['SYS_RESOURCE']);
  assert.equal(held.available.length, full.available.length - 1);
});

test('ALL is what can be given, and what cannot is left out', () => {
  assert.deepEqual(grantable(['ALL'], full), ['ALL']);
  assert.deepEqual(grantable(['ALL'], held), [...held.available]);
  assert.deepEqual(grantable(['CAP_NET_ADMIN', 'sys_resource'], held), ['NET_ADMIN']);
});

test('privileged is put together from its parts where Docker would fail', () => {
  assert.equal(containerHostConfig('s', config(true), sharing, full)['Privileged'], true);
  const body = containerHostConfig('s', config(true), sharing, held);
  assert.equal(body['Privileged'], undefined);
  assert.deepEqual(body['CapAdd'], [...held.available]);
  assert.deepEqual(body['DeviceCgroupRules'], ['a *:* rwm']);
});

test('a negative OOM score is asked for only where it can be had', () => {
  assert.equal(containerHostConfig('s', config(false), sharing, full)['OomScoreAdj'], -997);
  assert.equal(containerHostConfig('s', config(false), sharing, held)['OomScoreAdj'], 0);
});

test('a container joins the namespaces of its sandbox', () => {
  const body = containerHostConfig('s', config(false), sharing, full);
  assert.deepEqual(
    [body['NetworkMode'], body['IpcMode'], body['PidMode']],
    ['container:s', 'container:s', 'container:s'],
  );
  assert.deepEqual(body['SecurityOpt'], ['no-new-privileges', 'seccomp=unconfined']);
  assert.deepEqual(body['Mounts'], [
    { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true, BindOptions: { Propagation: 'rslave' } },
  ]);
});
