import { execFileSync } from 'node:child_process';
import { closeSync, createReadStream, existsSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import type { TarEntry } from './tar.ts';

/**
 * What `roadstead/base` is made of: the Node binary that runs this, the libraries it is linked with, and busybox where
 * the host has it. Nothing is fetched, so pods can run where no registry can be reached.
 */
export function baseImageEntries(): TarEntry[] {
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((file) => existsSync(file));
  const executables = [process.execPath, ...(busybox === undefined ? [] : [busybox])];
  const libraries = [...new Set(executables.flatMap(linkedLibraries))].sort();
  const entries: TarEntry[] = [
    ...['bin/', 'etc/', 'lib/', 'proc/', 'root/', 'sys/', 'dev/', 'tmp/', 'usr/', 'usr/bin/', 'var/', 'var/run/'].map(
      (name): TarEntry => ({ name, mode: name === 'tmp/' ? 0o1777 : 0o755, content: { type: 'directory' } }),
    ),
    textFile('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'),
    textFile('etc/group', 'root:x:0:\nnobody:x:65534:\n'),
    textFile('etc/nsswitch.conf', 'hosts: files dns\n'),
    hostFile('usr/bin/node', process.execPath),
    ...parentsOf(libraries),
    ...libraries.map((library) => hostFile(library.slice(1), library)),
    ...certificates(),
    ...(busybox === undefined ? [] : busyboxEntries(busybox)),
  ];
  return entries;
}

/** What the dynamic linker would load for an executable, itself included; empty for a static one. */
function linkedLibraries(executable: string): string[] {
  const interpreter = elfInterpreter(executable);
  if (interpreter === undefined) return [];
  const listed = execFileSync(interpreter, ['--list', executable], { encoding: 'utf8' });
  const libraries = [...listed.matchAll(/=> (\/\S+) \(0x/g)].map((match) => match[1] ?? '');
  return [interpreter, ...libraries];
}

/** The dynamic linker that the executable names: it must be at that very path. */
function elfInterpreter(executable: string): string | undefined {
  const head = Buffer.alloc(4096);
  const descriptor = openSync(executable, 'r');
  readSync(descriptor, head, 0, head.length, 0);
  closeSync(descriptor);
  const start = Number(head.readBigUInt64LE(32));
  const count = head.readUInt16LE(56);
  for (let index = 0; index < count; index++) {
    const offset = start + index * head.readUInt16LE(54);
    if (offset + 56 > head.length || head.readUInt32LE(offset) !== 3) continue; // PT_INTERP
    const from = Number(head.readBigUInt64LE(offset + 8));
    const length = Number(head.readBigUInt64LE(offset + 32));
    return head.subarray(from, from + length - 1).toString();
  }
  return undefined;
}

function parentsOf(files: readonly string[]): TarEntry[] {
  const folders = new Set<string>();
  for (const file of files) {
    const parts = path.dirname(file).slice(1).split('/');
    for (let depth = 1; depth <= parts.length; depth++) folders.add(`${parts.slice(0, depth).join('/')}/`);
  }
  folders.delete('lib/');
  folders.delete('usr/');
  return [...folders].sort().map((name) => ({ name, mode: 0o755, content: { type: 'directory' } }));
}

function certificates(): TarEntry[] {
  const bundle = '/etc/ssl/certs/ca-certificates.crt';
  if (!existsSync(bundle)) return [];
  return [...parentsOf([bundle]).filter((entry) => entry.name !== 'etc/'), hostFile(bundle.slice(1), bundle)];
}

/** The applets that scripts in pods lean on; links, so they cost nothing. */
const applets = `
  sh ash cat ls echo printf sleep true false env id hostname date mkdir rm rmdir cp mv ln chmod
  chown touch stat df du dd head tail grep sed awk sort uniq wc tr cut seq xargs find tar gzip
  gunzip ps kill top test expr mount umount ip ping nc wget nslookup telnet vi less more md5sum
  sha256sum base64 timeout tee yes basename dirname readlink realpath mktemp uname whoami who nproc
  free uptime watch httpd
`
  .trim()
  .split(/\s+/);
function busyboxEntries(busybox: string): TarEntry[] {
  return [
    hostFile('bin/busybox', busybox),
    ...applets.map(
      (applet): TarEntry => ({ name: `bin/${applet}`, mode: 0o777, content: { type: 'symlink', target: 'busybox' } }),
    ),
  ];
}

function hostFile(name: string, file: string): TarEntry {
  const real = realpathSync(file);
  return {
    name,
    mode: 0o755,
    content: { type: 'file', size: statSync(real).size, chunks: createReadStream(real, { highWaterMark: 1 << 20 }) },
  };
}

function textFile(name: string, text: string): TarEntry {
  const content = Buffer.from(text);
  return { name, mode: 0o644, content: { type: 'file', size: content.length, chunks: [content] } };
}
