import { connect } from 'node:net';
import type { ProbeOutcome } from './probe-outcome.ts';

/** Succeeds when a connection opens. */
export function probeTcp(host: string, port: number, timeoutMs: number): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (outcome: ProbeOutcome): void => {
      socket.destroy();
      resolve(outcome);
    };
    socket.once('connect', () => end({ result: 'success', output: '' }));
    socket.once('timeout', () => end({ result: 'failure', output: `dial tcp ${host}:${port}: i/o timeout` }));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message;
      end({ result: 'failure', output: `dial tcp ${host}:${port}: ${why}` });
    });
  });
}
