import { isSea } from 'node:sea';

export interface SelfCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** How to start this very program anew: one file, or node with its entry. `flags` are node's; the one file has its own. */
export function selfCommand(flags: readonly string[] = []): SelfCommand {
  const [, entry = ''] = process.argv;
  return isSea() ? { command: process.execPath, args: [] } : { command: process.execPath, args: [...flags, entry] };
}
