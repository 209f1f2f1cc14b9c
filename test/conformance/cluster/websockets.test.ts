/** Streams of pods over a plain WebSocket, as clients other than kubectl open it. */
import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { loadKubeconfig } from '../../../src/client/index.ts';
import { eventually } from '../../e2e/kubectl.ts';
import { pod, sleepForever } from '../../e2e/manifests.ts';
import { behaviour } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('websockets', prepare);

async function prepare(): Promise<void> {
  await suite.create(pod('talks', `echo container is alive; ${sleepForever}`));
  await suite.ready('talks');
  await eventually('its log', async () => (await suite.kubectl('logs', 'talks')) !== '');
}

/** All messages of a path until the server closes, or until there are enough. */
async function messages(path: string, protocol: string, enough: (all: Buffer[]) => boolean): Promise<Buffer[]> {
  const { server, ca, cert, key } = await loadKubeconfig();
  const url = `${server.replace(/^http/, 'ws')}${path}`;
  const webSocket = new WebSocket(url, [protocol], {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  const all: Buffer[] = [];
  return new Promise((resolve, reject) => {
    webSocket.on('message', (message: Buffer) => {
      all.push(message);
      if (enough(all)) webSocket.close();
    });
    webSocket.on('error', reject);
    webSocket.on('close', () => resolve(all));
  });
}

behaviour('Pods, remote command execution over websocket', async () => {
  const query = new URLSearchParams([
    ['stdout', '1'],
    ['stderr', '1'],
    ['container', 'main'],
    ['command', 'echo'],
    ['command', 'remote execution test'],
  ]);
  const path = `${suite.core}/pods/talks/exec?${query}`;
  const all = await messages(path, 'v4.channel.k8s.io', () => false);
  const of = (channel: number): string =>
    Buffer.concat(all.filter((message) => message[0] === channel).map((message) => message.subarray(1))).toString();
  assert.equal(of(1), 'remote execution test\n');
  assert.equal(of(2), '');
  assert.equal(JSON.parse(of(3)).status, 'Success');
});

behaviour('Pods, logs from websockets', async () => {
  for (const query of ['container=main', 'container=main&follow=true']) {
    const path = `${suite.core}/pods/talks/log?${query}`;
    const text = (all: Buffer[]): string => Buffer.concat(all).toString();
    const all = await messages(path, 'binary.k8s.io', (now) => query.includes('follow') && text(now).endsWith('\n'));
    assert.equal(text(all), 'container is alive\n');
  }
});
