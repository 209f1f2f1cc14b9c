import type { Status } from '../../machinery/meta-types.generated.ts';
import type { TerminalSize } from '../../tunnel/frames.ts';

/** What exec and attach ask of the connection to the client, whichever protocol it speaks. */
export interface CommandClient {
  /** Hands over the client's input in order; reads on only when `accept` has resolved. Call once. */
  onInput(accept: (input: CommandInput) => Promise<void>): void;
  /** Resolves when the client takes more; rejects when it is gone. */
  write(channel: 'stdout' | 'stderr', chunk: Buffer): Promise<void>;
  /** Tells how the command ended, then closes. */
  finish(status: Status): Promise<void>;
  /** Aborts when the client is gone. */
  readonly closed: AbortSignal;
}

export type CommandInput =
  | { readonly type: 'stdin'; readonly chunk: Buffer }
  | { readonly type: 'stdinEnd' }
  | { readonly type: 'resize'; readonly size: TerminalSize };

/** Which streams a client asked for. */
export interface CommandStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Terminal sizes come as `{"Width":80,"Height":24}`; undefined for what is not one. */
export function parseTerminalSize(text: string): TerminalSize | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    if (typeof Width !== 'number' || typeof Height !== 'number') return undefined;
    return { columns: Width, rows: Height };
  } catch {
    return undefined; // Not JSON: ignored, as upstream's decoder ends quietly.
  }
}
