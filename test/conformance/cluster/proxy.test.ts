/** Requests that the API server carries to pods and Services. */
import assert from 'node:assert/strict';
import { eventually } from '../../e2e/kubectl.ts';
import { pod } from '../../e2e/manifests.ts';
import { behaviour } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('proxy', prepare);
const methods = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'];

const script =
  "const http = require('node:http'); const answer = (port) => http.createServer((q, s) => { let body = ''; " +
  "q.on('data', (part) => (body += part)); q.on('end', () => { s.setHeader('x-method', q.method); " +
  's.end(JSON.stringify({ method: q.method, url: q.url, body, port })); }); }).listen(port); ' +
  "answer(8080); answer(8081); process.on('SIGTERM', () => process.exit());";

async function prepare(): Promise<void> {
  await suite.create(
    pod('target', '', {
      container: {
        command: ['node', '-e', script],
        ports: [{ name: 'dest', containerPort: 8080 }],
        readinessProbe: { tcpSocket: { port: 8081 }, periodSeconds: 1 },
      },
    }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'target' },
      spec: {
        selector: { app: 'target' },
        ports: [
          { name: 'portname1', port: 80, targetPort: 'dest' },
          { name: 'portname2', port: 81, targetPort: 8081 },
        ],
      },
    },
  );
  await suite.ready('target');
  await eventually('the service', async () => {
    await suite.api.ask('GET', through('services/target:80', '/'));
    return true;
  });
}

const through = (target: string, path: string): string => `${suite.core}/${target}/proxy${path}`;

async function carries(path: string, seenAs: string): Promise<void> {
  for (const target of ['pods/target', 'pods/target:8080', 'services/target:portname1', 'services/target:80']) {
    for (const method of methods) {
      const body = ['PATCH', 'POST', 'PUT'].includes(method) ? { body: 'sent', type: 'text/plain' } : {};
      const answer = await suite.api.send(method, `${through(target, path)}?method=${method}`, body);
      assert.equal(answer.status, 200, `${method} ${target}: ${answer.text}`);
      assert.equal(answer.headers['x-method'], method);
      if (method === 'HEAD') continue;
      const { port, ...seen } = JSON.parse(answer.text);
      assert.equal(port, 8080);
      assert.deepEqual(seen, { method, url: `${seenAs}?method=${method}`, body: 'body' in body ? 'sent' : '' });
    }
  }
}

behaviour('Proxy, validate Proxy responses', async () => {
  await carries('/', '/');
  // Without a path, relative links of what is behind would lead astray.
  for (const target of ['pods/target', 'services/target:80']) {
    const { status, headers } = await suite.api.send('GET', `${through(target, '')}?method=GET`);
    assert.equal(status, 301);
    assert.equal(headers['location'], `${through(target, '/')}?method=GET`);
  }
});
behaviour('Proxy, validate ProxyWithPath responses', () => carries('/some/path/with/HTTP', '/some/path/with/HTTP'));

behaviour('Proxy through apiserver to a Service', async () => {
  const targets: readonly (readonly [string, number])[] = [
    ['services/target:portname1', 8080],
    ['services/http:target:portname1', 8080],
    ['services/target:portname2', 8081],
    ['services/target:81', 8081],
    ['pods/target', 8080],
    ['pods/target:8081', 8081],
    ['pods/http:target:8080', 8080],
  ];
  for (const [target, port] of targets) {
    const answers = await Promise.all(Array.from({ length: 5 }, () => suite.api.send('GET', through(target, '/'))));
    for (const { status, text } of answers) {
      assert.equal(status, 200, `${target}: ${text}`);
      assert.equal(JSON.parse(text).port, port, target);
    }
  }
});
