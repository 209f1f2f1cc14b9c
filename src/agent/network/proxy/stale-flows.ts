import { runCommand } from '../commands.ts';
import type { ServicePort } from './service-port.ts';

/** Addresses that UDP services led to before and no longer do. */
export function removedUdpTargets(before: readonly ServicePort[], after: readonly ServicePort[]): string[] {
  const targetsOf = (ports: readonly ServicePort[]): string[] =>
    ports
      .filter(({ protocol }) => protocol === 'udp')
      .flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
  const kept = new Set(targetsOf(after));
  return [...new Set(targetsOf(before))].filter((address) => !kept.has(address));
}

let toolMissing = false;

/**
 * UDP has no end of a connection: a client that keeps its port would be sent to a dead endpoint until the kernel's
 * entry times out (30 s). Needs the `conntrack` tool; without it that time has to pass.
 */
export async function forgetUdpFlows(addresses: readonly string[]): Promise<void> {
  for (const address of addresses) {
    if (toolMissing) return;
    try {
      await runCommand('conntrack', ['-D', '-p', 'udp', '--dst-nat', address]);
    } catch (err) {
      // It also exits with 1 when there was no such flow.
      toolMissing = err instanceof Error && err.message.includes('ENOENT');
    }
  }
}
