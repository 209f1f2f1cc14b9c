import { existsSync, readFileSync } from 'node:fs';

const tailBytes = 16 * 1024;

/** What a daemon wrote last that a person should read: the plain `roadstead: ...` line, or the message of an error. */
export function lastError(file: string): string {
  if (!existsSync(file)) return 'it wrote no log';
  const lines = readFileSync(file, 'utf8').slice(-tailBytes).trim().split('\n').reverse();
  const plain = lines.find((line) => line.startsWith('roadstead: '));
  if (plain !== undefined) return plain.slice('roadstead: '.length);
  return lines.find((line) => line.includes('"level":50')) ?? lines[0] ?? 'it wrote nothing';
}
