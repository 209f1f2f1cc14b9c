import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { ContainerConfig, ContainerRuntime, PodSandboxConfig, RuntimeEvent } from './contract.ts';

export interface RuntimeUnderTest {
  readonly runtime: ContainerRuntime;
  /** Is there, and has `sh` and `sleep` where commands are run for real. */
  readonly image: string;
  /** Environment of a container that ends by itself with this code. */
  readonly exitsWith: (code: number) => Pick<ContainerConfig, 'command' | 'env'>;
  /** Of one that runs until it is stopped. */
  readonly runsOn: Pick<ContainerConfig, 'command' | 'env'>;
}

/** What every ContainerRuntime must do; each implementation's test calls it with a way to make one. */
export function runRuntimeContract(name: string, make: () => Promise<RuntimeUnderTest>): void {
  describe(`ContainerRuntime ${name}`, () => {
    let under: RuntimeUnderTest;
    const sandboxes: string[] = [];
    before(async () => {
      under = await make();
    });
    after(async () => {
      for (const id of sandboxes) await under.runtime.removePodSandbox(id);
      await under.runtime.close();
    });

    async function sandbox(): Promise<{ id: string; config: PodSandboxConfig }> {
      const config = sandboxConfig();
      const id = await under.runtime.runPodSandbox(config);
      sandboxes.push(id);
      return { id, config };
    }

    test('a sandbox is ready with a network namespace, and is the same one when asked for again', async () => {
      const { id, config } = await sandbox();
      assert.equal(await under.runtime.runPodSandbox(config), id);
      const [status] = await under.runtime.listPodSandboxes(config.pod.uid);
      assert.equal(status?.state, 'ready');
      assert.deepEqual(status?.pod, config.pod);
      assert.match(status?.networkNamespace ?? '', /ns\/net$/);
      await under.runtime.stopPodSandbox(id);
      await under.runtime.stopPodSandbox(id);
      const [stopped] = await under.runtime.listPodSandboxes(config.pod.uid);
      assert.equal(stopped?.state, 'notReady');
      assert.equal(stopped?.networkNamespace, undefined);
    });

    test('a container goes from created to running to exited with its code', async () => {
      const { id, config } = await sandbox();
      const wanted = containerConfig(config, under.image, under.exitsWith(3));
      const container = await under.runtime.createContainer(id, wanted);
      assert.equal((await under.runtime.containerStatus(container))?.state, 'created');
      await under.runtime.startContainer(container);
      await eventually(async () => (await under.runtime.containerStatus(container))?.state === 'exited');
      const status = await under.runtime.containerStatus(container);
      assert.equal(status?.exitCode, 3);
      assert.equal(status?.reason, 'Error');
      assert.equal(status?.attempt, wanted.attempt);
      assert.equal(status?.sandboxId, id);
      assert.equal(status?.annotations['note'], 'kept');
      assert.ok((status?.finishedAt ?? 0) >= (status?.startedAt ?? 0));
    });

    test('stopping ends a running container, and stopping it again or removing it twice is no error', async () => {
      const { id, config } = await sandbox();
      const container = await under.runtime.createContainer(id, containerConfig(config, under.image, under.runsOn));
      await under.runtime.startContainer(container);
      assert.equal((await under.runtime.containerStatus(container))?.state, 'running');
      await under.runtime.stopContainer(container, 0);
      await under.runtime.stopContainer(container, 0);
      assert.equal((await under.runtime.containerStatus(container))?.state, 'exited');
      await under.runtime.removeContainer(container);
      await under.runtime.removeContainer(container);
      assert.equal(await under.runtime.containerStatus(container), undefined);
    });

    test('listPods gives one pod or all', async () => {
      const { id, config } = await sandbox();
      const other = await sandbox();
      const container = await under.runtime.createContainer(id, containerConfig(config, under.image, under.runsOn));
      const mine = await under.runtime.listPods(config.pod.uid);
      assert.deepEqual(
        mine.sandboxes.map((one) => one.id),
        [id],
      );
      assert.deepEqual(
        mine.containers.map((one) => one.id),
        [container],
      );
      const all = await under.runtime.listPods();
      assert.ok(all.sandboxes.some((one) => one.id === other.id));
    });

    test('execSync gives the exit code of a command in a running container', async () => {
      const { id, config } = await sandbox();
      const container = await under.runtime.createContainer(id, containerConfig(config, under.image, under.runsOn));
      await under.runtime.startContainer(container);
      const ran = await under.runtime.execSync(container, ['true'], 5_000);
      assert.deepEqual({ exitCode: ran.exitCode, timedOut: ran.timedOut }, { exitCode: 0, timedOut: false });
    });

    test('events tell of a container that starts and ends', async () => {
      const { id, config } = await sandbox();
      const stop = new AbortController();
      const seen: RuntimeEvent[] = [];
      const following = (async () => {
        for await (const event of under.runtime.events(stop.signal)) {
          if (event.podUid === config.pod.uid) seen.push(event);
        }
      })();
      const wanted = containerConfig(config, under.image, under.exitsWith(0));
      const container = await under.runtime.createContainer(id, wanted);
      await under.runtime.startContainer(container);
      await eventually(async () => seen.some(({ type }) => type === 'containerStopped'));
      assert.ok(seen.some(({ type }) => type === 'containerStarted'));
      stop.abort();
      await following;
    });

    test('an image that is not there has no status', async () => {
      assert.equal((await under.runtime.imageStatus(under.image)) === undefined, false);
      assert.equal(await under.runtime.imageStatus('rs-absent:1'), undefined);
    });
  });
}

function sandboxConfig(): PodSandboxConfig {
  return {
    pod: { uid: randomUUID(), namespace: 'contract', name: 'pod' },
    attempt: 0,
    hostname: 'pod',
    labels: {},
    annotations: {},
    hostNetwork: false,
    hostPid: false,
    hostIpc: false,
    shareProcessNamespace: false,
    cgroupParent: '',
    sysctls: {},
    runtimeHandler: '',
  };
}

function containerConfig(
  sandbox: PodSandboxConfig,
  image: string,
  behaviour: Pick<ContainerConfig, 'command' | 'env'>,
): ContainerConfig {
  return {
    pod: sandbox.pod,
    name: 'main',
    attempt: 2,
    image,
    args: [],
    workingDir: '',
    mounts: [],
    devices: [],
    labels: {},
    annotations: { note: 'kept' },
    stdin: false,
    stdinOnce: false,
    tty: false,
    resources: { cpuShares: 0, cpuQuotaMicros: 0, memoryLimitBytes: 0, oomScoreAdj: 0, pidsLimit: 0 },
    security: {
      privileged: false,
      supplementalGroups: [],
      readOnlyRootFilesystem: false,
      noNewPrivileges: false,
      addCapabilities: [],
      dropCapabilities: [],
      seccompProfile: '',
      apparmorProfile: '',
      selinuxLabel: [],
    },
    stopSignal: '',
    ...behaviour,
  };
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail('the condition did not come true');
}
