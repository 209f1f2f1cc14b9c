import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isStoreError } from '../contract.ts';
import { runStoreContract } from '../contract-suite.ts';
import { openLmdbStore } from './open.ts';

const root = mkdtempSync(join(tmpdir(), 'roadstead-store-'));
let directories = 0;
after(() => rmSync(root, { recursive: true, force: true }));

function freshDirectory(): string {
  return join(root, String(++directories));
}

runStoreContract('lmdb', () => openLmdbStore(freshDirectory()));

test('a reopened store has values, revision and history', async () => {
  const directory = freshDirectory();
  const first = await openLmdbStore(directory);
  const one = await first.create('/a', Buffer.from('1'));
  await first.update('/a', Buffer.from('2'), one);
  await first.close();
  const second = await openLmdbStore(directory);
  assert.equal(await second.currentRevision(), 2);
  const controller = new AbortController();
  const values: string[] = [];
  for await (const batch of second.watch('/', 0, controller.signal)) {
    for (const event of batch) values.push(event.type === 'put' ? Buffer.from(event.value).toString() : 'gone');
    controller.abort();
  }
  assert.deepEqual(values, ['1', '2']);
  await second.close();
});

test('a directory in use is refused, and free again after a close', async () => {
  const directory = freshDirectory();
  const store = await openLmdbStore(directory);
  await assert.rejects(openLmdbStore(directory), (error) => isStoreError(error, 'locked'));
  await store.close();
  await (await openLmdbStore(directory)).close();
});

test('the lock of a process that is gone does not hold', async () => {
  const directory = freshDirectory();
  await (await openLmdbStore(directory)).close();
  writeFileSync(join(directory, 'owner'), `${process.pid} 1\n`);
  await (await openLmdbStore(directory)).close();
});

for (const [name, spoil] of [
  ['is not a database', (path: string) => writeFileSync(path, Buffer.alloc(64 * 1024, 'x'))],
  ['was cut short', (path: string) => truncateSync(path, 5000)],
  ['was emptied', (path: string) => truncateSync(path, 0)],
  ['was removed', (path: string) => rmSync(path)],
] as const) {
  test(`a file that ${name} is reported with what to do`, async () => {
    const directory = freshDirectory();
    const store = await openLmdbStore(directory);
    for (let index = 0; index < 50; index++) await store.create(`/${index}`, Buffer.alloc(2000));
    await store.close();
    spoil(join(directory, 'store.mdb'));
    await assert.rejects(
      openLmdbStore(directory),
      (error) => isStoreError(error, 'corrupt') && error.message.includes('restore it from a backup'),
    );
  });
}

test('a page full of noise is reported or harmless, never the end of the process', async () => {
  const directory = freshDirectory();
  const store = await openLmdbStore(directory);
  for (let index = 0; index < 200; index++)
    await store.create(`/${index}`, Buffer.alloc(index % 10 === 0 ? 9000 : 300));
  await store.close();
  const path = join(directory, 'store.mdb');
  const good = readFileSync(path);
  let refused = 0;
  for (let at = 0; at < good.length; at += 4096) {
    const spoiled = Buffer.from(good);
    for (let index = at; index < Math.min(at + 4096, good.length); index++) spoiled[index] = (index * 7919) & 0xff;
    writeFileSync(path, spoiled);
    try {
      const opened = await openLmdbStore(directory);
      assert.equal((await opened.range('/')).entries.length, 200);
      await opened.close();
    } catch (error) {
      assert.ok(isStoreError(error, 'corrupt'), String(error));
      refused++;
    }
  }
  assert.ok(refused > 10, `${refused} refused`);
});

test('a lock that a power failure left empty does not hold', async () => {
  const directory = freshDirectory();
  await (await openLmdbStore(directory)).close();
  writeFileSync(join(directory, 'owner'), '');
  await (await openLmdbStore(directory)).close();
});

/** Writes counters until killed, printing each once it is acknowledged. */
const writerSource = `
  const { openLmdbStore } = await import(process.argv[1]);
  const store = await openLmdbStore(process.argv[2]);
  const round = process.argv[3];
  await Promise.all(Array.from({ length: 8 }, async (_, lane) => {
    for (let count = 0; ; count++) {
      const key = '/' + round + '/' + lane + '/' + count;
      const revision = await store.create(key, Buffer.from(key));
      process.stdout.write(key + ' ' + revision + '\\n');
    }
  }));
`;

test('nothing acknowledged is lost when the process is killed', async () => {
  const directory = freshDirectory();
  const acknowledged = new Map<string, number>();
  for (let round = 0; round < 10; round++) {
    for (const [key, revision] of await writeUntilKilled(directory, round)) acknowledged.set(key, revision);
    const store = await openLmdbStore(directory);
    const { entries, revision } = await store.range('/');
    const found = new Map(entries.map((entry) => [entry.key, entry.revision]));
    for (const [key, expected] of acknowledged) assert.equal(found.get(key), expected, key);
    assert.equal(revision, entries.length);
    await store.close();
  }
  assert.ok(acknowledged.size > 100);
});

async function writeUntilKilled(directory: string, round: number): Promise<Map<string, number>> {
  const child: ChildProcess = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      writerSource,
      new URL('./open.ts', import.meta.url).href,
      directory,
      String(round),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  const enough = 50 + 40 * round;
  const exited = new Promise((resolve) => child.once('close', resolve));
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split('\n').length > enough) child.kill('SIGKILL');
  });
  await exited;
  const lines = output.split('\n').slice(0, -1);
  return new Map(
    lines.map((line) => {
      const [key = '', revision] = line.split(' ');
      return [key, Number(revision)];
    }),
  );
}
