import { type ClientHttp2Session, connect } from 'node:http2';
import type { ProbeOutcome } from './probe-outcome.ts';

const serving = 1;
const statusNames = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** `grpc.health.v1.Health/Check` in clear text; the two messages have one field each, so no protobuf library is needed. */
export async function probeGrpc(host: string, port: number, service: string, timeoutMs: number): Promise<ProbeOutcome> {
  const name = host.includes(':') ? `[${host}]` : host;
  const session = connect(`http://${name}:${port}`);
  const timer = setTimeout(() => session.destroy(new Error('context deadline exceeded')), timeoutMs);
  try {
    const status = await check(session, service);
    if (status === serving) return { result: 'success', output: 'service healthy' };
    return { result: 'failure', output: `service unhealthy (responded with "${statusNames[status] ?? status}")` };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { result: 'failure', output: `failed to connect service "${host}:${port}": ${why}` };
  } finally {
    clearTimeout(timer);
    session.destroy();
  }
}

function check(session: ClientHttp2Session, service: string): Promise<number> {
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    session.on('close', () => reject(new Error('connection closed')));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'kube-probe/1.36',
    });
    const chunks: Buffer[] = [];
    let grpcStatus = '0';
    stream.on('response', (headers) => {
      if (headers['grpc-status'] !== undefined) grpcStatus = String(headers['grpc-status']);
    });
    stream.on('trailers', (headers) => {
      grpcStatus = String(headers['grpc-status'] ?? grpcStatus);
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      if (grpcStatus !== '0') reject(new Error(`rpc error: code = ${grpcStatus}`));
      else resolve(statusIn(Buffer.concat(chunks)));
    });
    stream.end(requestFrame(service));
  });
}

function requestFrame(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** Field 1 of the answer; a zero is not sent. */
function statusIn(frame: Buffer): number {
  const message = frame.subarray(5);
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}
