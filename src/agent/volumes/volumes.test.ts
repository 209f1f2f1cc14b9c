import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ProjectedFile, writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { resolveSubPath } from './sub-path.ts';

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'rs-h-volumes-'));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const file = (text: string, mode = 0o644): ProjectedFile => ({ content: Buffer.from(text), mode });

test('writeAtomically swaps the whole set and leaves equal contents alone', () =>
  inDirectory(async (directory) => {
    const first = new Map([
      ['a', file('1')],
      ['deep/b', file('2', 0o400)],
    ]);
    assert.equal(await writeAtomically(directory, first, undefined), true);
    assert.equal(await readFile(join(directory, 'deep/b'), 'utf8'), '2');
    assert.equal((await stat(join(directory, 'deep/b'))).mode & 0o777, 0o400);
    const before = await readlink(join(directory, '..data'));
    assert.equal(await writeAtomically(directory, first, undefined), false);
    assert.equal(await readlink(join(directory, '..data')), before);

    await writeAtomically(directory, new Map([['c', file('3')]]), undefined);
    const visible = (await readdir(directory)).filter((name) => !name.startsWith('..'));
    assert.deepEqual(visible, ['c']);
    assert.equal((await readdir(directory)).includes(before), false);
  }));

test('resolveSubPath makes what is missing and refuses what leads out of the volume', () =>
  inDirectory(async (directory) => {
    const volume = join(directory, 'volume');
    await mkdir(volume);
    assert.equal(await resolveSubPath(volume, 'x/y'), join(volume, 'x/y'));
    await symlink('/etc', join(volume, 'out'));
    await assert.rejects(resolveSubPath(volume, 'out/passwd'), /is not inside of its volume/);
    await symlink('x', join(volume, 'in'));
    assert.equal(await resolveSubPath(volume, 'in/y'), join(volume, 'x/y'));
    await assert.rejects(resolveSubPath(volume, '../volume2'), /must not contain/);
    await mkdir(`${volume}-twin`);
    await symlink(`${volume}-twin`, join(volume, 'twin'));
    await assert.rejects(resolveSubPath(volume, 'twin'), /is not inside of its volume/);
  }));

test('prepareHostPath checks the type and creates where it may', () =>
  inDirectory(async (directory) => {
    const made = join(directory, 'made/deep');
    await prepareHostPath(made, 'DirectoryOrCreate');
    await prepareHostPath(made, 'Directory');
    const plain = join(directory, 'file');
    await writeFile(plain, '');
    await prepareHostPath(plain, 'File');
    await assert.rejects(prepareHostPath(plain, 'Directory'), {
      message: `hostPath type check failed: ${plain} is not a directory`,
    });
    await assert.rejects(prepareHostPath(join(directory, 'none'), 'Socket'), /is not a socket file/);
  }));
