import { existsSync, readFileSync } from 'node:fs';

const tailBytes = 16 * 1024;

/** What a daemon wrote last that a person should read: the plain `roadstead: ...` line, or the message of an error. */
export function lastError(file: string): string {
  if (!existsSync(file)) return 'it wrote no log';
  const lines = readFileSync(file, 'utf8').slice(-tailBytes).trim().split('\n').reverse();
  const plain = lines.find((line) => line.startsWith('roadstead: '));
  if (plain !== undefined) return plain.slice('roadstead: '.length);
  return sentenceOf(lines.find((line) => line.includes('"level":50')) ?? lines[0] ?? 'it wrote nothing');
}

/** The message of a line of the log, with that of its error. */
function sentenceOf(line: string): string {
  try {
    const { msg, signal, err } = JSON.parse(line) as { msg?: string; signal?: string; err?: { message?: string } };
    if (signal !== undefined) return `it was stopped by ${signal}`;
    return [msg, err?.message].filter((part) => part !== undefined).join(': ');
  } catch {
    return line;
  }
}
