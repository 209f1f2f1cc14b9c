import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DataDirectory } from '../data-directory.ts';

/** How this machine joined: kept beside the agent's state, so that a later join or leave knows. */
export interface JoinRecord {
  readonly server: string;
  readonly nodeName: string;
  readonly roles: readonly string[];
  /** What keeps the agent running. */
  readonly service: 'systemd' | 'supervisor';
  /** The executable that the join put in its place; absent when the program was there already. */
  readonly installed?: string;
}

function recordFile(files: DataDirectory): string {
  return path.join(files.agent, 'join.json');
}

/** Undefined: this machine did not join, or its agent belongs to a cluster that was started here. */
export function joinRecord(files: DataDirectory): JoinRecord | undefined {
  const file = recordFile(files);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as JoinRecord) : undefined;
}

export function writeJoinRecord(files: DataDirectory, record: JoinRecord): void {
  writeFileSync(recordFile(files), `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
}
