import type { Status } from '../../machinery/meta-types.generated.ts';
import { badRequest } from '../../machinery/status-error.ts';
import type { HostGateway, HostResponse } from '../../tunnel/contract.ts';
import { channels, type ExitReport, readFrames, writeFrame } from '../../tunnel/frames.ts';
import type { ObjectAccess } from '../contract.ts';
import type { RequestContext } from '../request.ts';
import type { CommandClient, CommandInput, CommandStreams } from './command-client.ts';
import { containerOf, hostOf, hostPath, podOf } from './pod-target.ts';
import { acceptSpdyCommand } from './spdy-command.ts';
import { upgradeKindOf } from './upgrade.ts';
import { acceptWebSocketCommand } from './websocket-command.ts';

/** `pods/exec` and `pods/attach`: the client's streams on one side, the host's frames on the other. */
export async function serveCommand(
  context: RequestContext,
  endpoint: 'exec' | 'attach',
  { objects, gateway }: { readonly objects: ObjectAccess; readonly gateway: HostGateway },
): Promise<void> {
  const { query } = context;
  const pod = await podOf(context, objects);
  const container = containerOf(pod, query.get('container') ?? '');
  const host = hostOf(pod);
  const streams = streamsOf(query);
  const command = query.getAll('command');
  if (endpoint === 'exec' && command.length === 0)
    throw badRequest('you must specify at least one command for the container');
  const kind = upgradeKindOf(context);

  const cancelled = new AbortController();
  const response = await gateway.open(host, {
    method: 'POST',
    path: hostPath([endpoint, context.info.namespace, context.info.name, container], {
      command,
      stdin: String(streams.stdin),
      stdout: String(streams.stdout),
      stderr: String(streams.stderr),
      tty: String(streams.tty),
    }),
    signal: AbortSignal.any([context.signal, cancelled.signal]),
  });
  try {
    const accept = kind === 'websocket' ? acceptWebSocketCommand : acceptSpdyCommand;
    await bridge(await accept(context, streams), response);
  } finally {
    cancelled.abort();
  }
}

function streamsOf(query: URLSearchParams): CommandStreams {
  const tty = isTrue(query.get('tty'));
  const streams = {
    stdin: isTrue(query.get('stdin')),
    stdout: isTrue(query.get('stdout')),
    // A terminal has one output.
    stderr: isTrue(query.get('stderr')) && !tty,
    tty,
  };
  if (!streams.stdin && !streams.stdout && !streams.stderr) {
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  }
  return streams;
}

/** Booleans of query parameters as upstream's conversion reads them: there, and not `false` or `0`. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== 'false' && value !== '0';
}

async function bridge(client: CommandClient, { stream }: HostResponse): Promise<void> {
  const abort = (): void => {
    stream.destroy();
  };
  if (client.closed.aborted) abort();
  client.closed.addEventListener('abort', abort, { once: true });
  client.onInput((input) => forwardInput(input, stream));
  let exit: ExitReport | undefined;
  try {
    await readFrames(stream, async (channel, payload) => {
      if (channel === channels.stdout) await client.write('stdout', payload);
      else if (channel === channels.stderr) await client.write('stderr', payload);
      else if (channel === channels.exit) exit = JSON.parse(payload.toString()) as ExitReport;
    });
  } catch (error) {
    // A client that has gone away needs no answer; a host that has is told below.
    if (client.closed.aborted) return;
    exit ??= { exitCode: -1, error: error instanceof Error ? error.message : String(error) };
  }
  if (!client.closed.aborted) await client.finish(statusOf(exit));
}

async function forwardInput(input: CommandInput, stream: HostResponse['stream']): Promise<void> {
  switch (input.type) {
    case 'stdin':
      return writeFrame(stream, channels.stdin, input.chunk);
    case 'stdinEnd':
      return writeFrame(stream, channels.stdinEnd, Buffer.alloc(0));
    case 'resize':
      return writeFrame(stream, channels.resize, Buffer.from(JSON.stringify(input.size)));
  }
}

/** As k8s.io/kubelet/pkg/cri/streaming/remotecommand words the end of a command. */
export function statusOf(exit: ExitReport | undefined): Status {
  if (exit?.exitCode === 0 && exit.error === undefined) return { metadata: {}, status: 'Success' } as Status;
  if (exit === undefined || exit.error !== undefined) {
    const why = exit?.error ?? 'the connection to the host was lost';
    return {
      metadata: {},
      status: 'Failure',
      message: `Internal error occurred: error executing command in container: ${why}`,
      reason: 'InternalError',
      details: { causes: [{ message: `error executing command in container: ${why}` }] },
      code: 500,
    } as Status;
  }
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: command terminated with exit code ${exit.exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exit.exitCode) }] },
  } as Status;
}
