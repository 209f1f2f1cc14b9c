import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { RuntimeError } from '../contract.ts';

const connectTimeoutMs = 5_000;
/** The pod is on this machine: an answer takes microseconds, and silence means that a policy is in the way. */
const directTimeoutMs = 500;

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
 * A connection to a port of the pod, whose namespace's loopback is where upstream connects. What listens on all
 * addresses is reached by the pod's own address, which costs nothing; only what listens on 127.0.0.1 alone needs a relay
 * inside the namespace. Host-network pods (no pid) need neither.
 */
export async function connectInNamespace(pid: number | undefined, port: number): Promise<Duplex> {
  if (pid === undefined) return connectTo('127.0.0.1', port, connectTimeoutMs);
  const [address] = parseLocalAddresses(await readFile(`/proc/${pid}/net/fib_trie`, 'utf8'));
  if (address === undefined) return connectByRelay(pid, port);
  try {
    return await connectTo(address, port, directTimeoutMs);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    return connectByRelay(pid, port);
  }
}

/** The IPv4 addresses of a network namespace other than loopback ones, from its fib_trie. */
export function parseLocalAddresses(trie: string): string[] {
  const found = new Set<string>();
  let last = '';
  for (const line of trie.split('\n')) {
    const address = /\|-- (\S+)/.exec(line)?.[1];
    if (address !== undefined) last = address;
    else if (line.includes('/32 host LOCAL') && !last.startsWith('127.')) found.add(last);
  }
  return [...found];
}

function connectTo(host: string, port: number, timeoutMs: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: timeoutMs });
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
