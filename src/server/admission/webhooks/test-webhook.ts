import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { createAuthority, issueLeaf } from '../../pki/certificates.ts';

/** What a webhook of a test is asked: the fields that tests look at. */
export interface ReviewRequest {
  readonly uid: string;
  readonly operation: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  readonly requestResource: { readonly group: string; readonly version: string; readonly resource: string };
  readonly subResource?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly dryRun: boolean;
  readonly object: UnknownObject | null;
  readonly oldObject: UnknownObject | null;
  readonly userInfo: { readonly username: string };
}

export interface TestWebhook {
  readonly clientConfig: { readonly url: string; readonly caBundle: string };
  readonly port: number;
  readonly asked: ReviewRequest[];
  close(): Promise<void>;
}

/** A real HTTPS webhook on this host; `answer` gives the response without its uid. For tests only. */
export async function startTestWebhook(
  answer: (request: ReviewRequest, path: string) => object | Promise<object>,
  serverNames: readonly string[] = [],
): Promise<TestWebhook> {
  const authority = await createAuthority('test-webhook-ca', Date.now());
  const names = { dnsNames: ['localhost', ...serverNames], ips: ['127.0.0.1'] };
  const pair = await issueLeaf(
    authority,
    { commonName: 'webhook', usage: 'server', lifetimeMs: 3_600_000, ...names },
    Date.now(),
  );
  const asked: ReviewRequest[] = [];
  const server = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString()) as {
        kind: string;
        apiVersion: string;
        request: ReviewRequest;
      };
      asked.push(review.request);
      const path = new URL(request.url ?? '/', 'https://localhost').pathname;
      Promise.resolve(answer(review.request, path)).then(
        (given) => {
          const full = { kind: review.kind, apiVersion: review.apiVersion };
          response.setHeader('content-type', 'application/json');
          response.end(JSON.stringify({ ...full, response: { uid: review.request.uid, ...given } }));
        },
        (error: unknown) => {
          response.statusCode = 500;
          response.end(String(error));
        },
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    clientConfig: {
      url: `https://127.0.0.1:${port}/`,
      caBundle: Buffer.from(authority.certificate).toString('base64'),
    },
    port,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A JSON patch as a webhook answers it. */
export function patchAnswer(operations: readonly object[]): object {
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64');
  return { allowed: true, patchType: 'JSONPatch', patch };
}
