import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { RuntimeError } from '../contract.ts';

const connectTimeoutMs = 5_000;

/** Speaks TCP to the loopback of the namespace it runs in; run by this same node binary under nsenter. */
const relayScript = `
const socket = require('node:net').connect({ host: '127.0.0.1', port: Number(process.argv[1]) });
socket.on('connect', () => {
  process.stderr.write('connected\\n');
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
});
socket.on('error', (error) => { process.stderr.write(error.message + '\\n'); process.exit(1); });
`;

/**
 * A connection to a port of the pod. The namespace's loopback is where upstream connects; a relay inside the namespace
 * does it, so it also reaches what listens on 127.0.0.1 only. Host-network pods need no relay.
 */
export function connectInNamespace(pid: number | undefined, port: number): Promise<Duplex> {
  return pid === undefined ? connectLocally(port) : connectByRelay(pid, port);
}

function connectLocally(port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: connectTimeoutMs });
    socket.once('connect', () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once('timeout', () => socket.destroy(new Error('connect timed out')));
    socket.once('error', (error) => reject(new RuntimeError('other', error.message, { cause: error })));
  });
}

function connectByRelay(pid: number, port: number): Promise<Duplex> {
  const child = spawn(
    'nsenter',
    [`--net=/proc/${pid}/ns/net`, '--', process.execPath, '-e', relayScript, String(port)],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const timer = setTimeout(() => child.kill('SIGKILL'), connectTimeoutMs);
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (said.length < 4096) said += chunk.toString();
      if (!said.includes('connected\n')) return;
      clearTimeout(timer);
      resolve(joined(child));
    });
    child.on('error', (error) => reject(new RuntimeError('other', error.message, { cause: error })));
    child.on('exit', () => {
      clearTimeout(timer);
      reject(new RuntimeError('other', said.trim() === '' ? `no connection to port ${port}` : said.trim()));
    });
  });
}

type Relay = ChildProcessByStdio<Writable, Readable, Readable>;

/** The relay's pipes as one stream whose end ends the relay. */
function joined(child: Relay): Duplex {
  const stream = new Duplex({
    allowHalfOpen: true,
    read: () => child.stdout.resume(),
    write: (chunk: Buffer, _encoding, done) => void child.stdin.write(chunk, (error) => done(error ?? null)),
    final: (done) => void child.stdin.end(() => done()),
    destroy: (error, done) => {
      child.kill('SIGKILL');
      done(error);
    },
  });
  child.stdout.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) child.stdout.pause();
  });
  child.stdout.on('end', () => stream.push(null));
  child.stdin.on('error', (error) => stream.destroy(error));
  return stream;
}
