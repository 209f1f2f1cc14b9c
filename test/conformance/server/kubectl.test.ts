import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type CommandResult, command } from '../../e2e/kubectl.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();

const environment = (): Record<string, string> => ({ KUBECONFIG: suite.plane.kubeconfig });
const run = (args: readonly string[], input = ''): Promise<CommandResult> =>
  command('kubectl', args, { input, env: environment() });

async function kubectl(args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await run(args, input);
  assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

behaviour('Kubectl, check version v1', async () => {
  assert.ok((await kubectl(['api-versions'])).split('\n').includes('v1'));
});

behaviour('Kubectl, cluster info', async () => {
  assert.match(await kubectl(['cluster-info']), /Kubernetes control plane.*is running at.*https:\/\/127\.0\.0\.1:\d+/);
});

behaviour('Kubectl, version', async () => {
  const text = await kubectl(['version']);
  for (const pattern of [/Client Version: /, /Server Version: v1\.36/]) assert.match(text, pattern);
  const { serverVersion } = JSON.parse(await kubectl(['version', '-o', 'json'])) as {
    serverVersion: Record<string, string>;
  };
  for (const field of ['major', 'minor', 'gitVersion', 'gitTreeState', 'buildDate', 'goVersion', 'platform']) {
    assert.notEqual(serverVersion[field] ?? '', '', field);
  }
});

const deployment = (image: string): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'diffed', labels: { app: 'diffed' } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'diffed' } },
      template: { metadata: { labels: { app: 'diffed' } }, spec: { containers: [{ name: 'main', image }] } },
    },
  });

behaviour('Kubectl, diff Deployment', async () => {
  await kubectl(['create', '-f', '-'], deployment('example.test/one'));
  const { code, stdout } = await run(['diff', '-f', '-'], deployment('example.test/two'));
  assert.equal(code, 1);
  assert.match(stdout, /^-.*example\.test\/one$/m);
  assert.match(stdout, /^\+.*example\.test\/two$/m);
});

behaviour('Kubectl, server-side dry-run Pod', async () => {
  const imageOf = (name: string): Promise<string> =>
    kubectl(['get', 'pod', name, '-o', 'jsonpath={.spec.containers[0].image}']);
  await kubectl(['run', 'dry', '--image=example.test/one', '--labels=run=dry']);
  const patch = '{"spec":{"containers":[{"name":"dry","image":"example.test/two"}]}}';
  assert.match(await kubectl(['patch', 'pod', 'dry', '-p', patch, '--dry-run=server']), /patched/);
  assert.equal(await imageOf('dry'), 'example.test/one');
});

/** Runs `kubectl proxy` for as long as `use` takes; `where` is what it says it listens on. */
async function withProxy(args: readonly string[], use: (where: string) => Promise<void>): Promise<void> {
  const child = spawn('kubectl', ['proxy', ...args], {
    env: { ...process.env, ...environment() },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const where = await new Promise<string>((resolve, reject) => {
      let printed = '';
      child.stdout.on('data', (chunk: Buffer) => {
        printed += chunk.toString();
        const found = /Starting to serve on (\S+)/.exec(printed);
        if (found?.[1] !== undefined) resolve(found[1]);
      });
      child.on('close', () => reject(new Error(`kubectl proxy ended: ${printed}`)));
    });
    await use(where);
  } finally {
    child.kill();
  }
}

function getJson(options: { port?: number; socketPath?: string }, path: string): Promise<{ versions?: string[] }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', ...options, path }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => resolve(JSON.parse(text) as { versions?: string[] }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

behaviour('Kubectl, proxy port zero', () =>
  withProxy(['--port=0', '--disable-filter=true'], async (where) => {
    assert.deepEqual((await getJson({ port: Number(where.split(':')[1]) }, '/api/')).versions, ['v1']);
  }),
);

behaviour('Kubectl, proxy socket', async () => {
  const socketPath = path.join(tmpdir(), `kubectl-proxy-${process.pid}.sock`);
  await withProxy([`--unix-socket=${socketPath}`], async () => {
    assert.deepEqual((await getJson({ socketPath }, '/api/')).versions, ['v1']);
  });
});
