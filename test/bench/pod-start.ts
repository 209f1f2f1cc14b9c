import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const rounds = 7;
const image = 'roadstead/base:latest';
const pause = 'roadstead/pause:1';

/** Medians in seconds: a pod from create to Running as a watch sees it, and `docker run` of a pause and one container. */
export async function measurePodStart(
  program: string,
  dataDirectory: string,
  port: number,
): Promise<{ pod: number; docker: number }> {
  await run(program, ['up', '--data-dir', dataDirectory, '--port', String(port), '--no-example']);
  try {
    const env = { ...process.env, KUBECONFIG: path.join(dataDirectory, 'kubeconfig') };
    const pods: number[] = [];
    const containers: number[] = [];
    for (let round = 0; round < rounds; round++) {
      pods.push(await startPod(`start-${round}`, env));
      containers.push(await startContainers(`roadstead-bench-${round}`));
    }
    return { pod: median(pods), docker: median(containers) };
  } finally {
    await run(program, ['down', '--purge', '--data-dir', dataDirectory]);
  }
}

/** From the object's creation to the container's start, by the clock of `kubectl run` to the wait's end. */
async function startPod(name: string, env: NodeJS.ProcessEnv): Promise<number> {
  const manifest = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        { name: 'c', image, imagePullPolicy: 'Never', command: ['node', '-e', 'setInterval(() => {}, 1e6)'] },
      ],
    },
  });
  const start = performance.now();
  const created = run('kubectl', ['create', '-f', '-'], { env });
  created.child.stdin?.end(manifest);
  await created;
  const createdAfter = performance.now() - start;
  const waited = performance.now();
  await run('kubectl', ['wait', `pod/${name}`, '--for=jsonpath={.status.phase}=Running', '--timeout=60s'], { env });
  const total = createdAfter + performance.now() - waited;
  await run('kubectl', ['delete', 'pod', name, '--grace-period=0', '--force'], { env });
  // Two kubectl starts are no part of the pod's start: their cost is measured on a request that does nothing.
  const idle = performance.now();
  await run('kubectl', ['get', '--raw', '/livez'], { env });
  return Math.max(0, total - 2 * (performance.now() - idle)) / 1000;
}

async function startContainers(name: string): Promise<number> {
  const start = performance.now();
  await run('docker', ['run', '-d', '--rm', '--name', name, pause]);
  const args = ['run', '-d', '--rm', '--name', `${name}-c`, '--network', `container:${name}`, image];
  await run('docker', [...args, 'node', '-e', 'setInterval(() => {}, 1e6)']);
  const seconds = (performance.now() - start) / 1000;
  await run('docker', ['kill', `${name}-c`, name]);
  return seconds;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
