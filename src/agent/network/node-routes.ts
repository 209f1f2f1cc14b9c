import type { Node } from '../../api/core/v1/types.generated.ts';
import type { Informer } from '../../client/contract.ts';
import { equal } from '../../machinery/json.ts';
import type { Logger } from '../../machinery/logger.ts';
import { runCommand, runIp } from './commands.ts';
import { parseIpv4 } from './ipv4.ts';
import { routeProtocol } from './names.ts';

/** Pod CIDR -> the address of the node it is on. */
export type PodRoutes = ReadonlyMap<string, string>;

export interface NodeRoutesOptions {
  readonly nodes: Informer<Node>;
  readonly nodeName: string;
  readonly logger: Logger;
}

/**
 * Leads to the pods of other nodes by way of those nodes, which must be on the same link. Routes carry a protocol
 * number of their own, so they are told from all others after a restart too.
 */
export class NodeRoutes {
  readonly #options: NodeRoutesOptions;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(options: NodeRoutesOptions) {
    this.#options = options;
  }

  start(): void {
    const changed = (): void => this.#sync();
    this.#options.nodes.addHandler({
      added: changed,
      updated: (old, node) => {
        const { spec, status } = node;
        if (!equal(old.spec?.podCIDR, spec?.podCIDR) || !equal(old.status?.addresses, status?.addresses)) changed();
      },
      deleted: changed,
    });
  }

  /** One at a time; a change meanwhile brings another. */
  #sync(): void {
    this.#again = true;
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // Nodes come in bursts (the first list); one look after all of them is enough.
    await Promise.resolve();
    while (this.#again) {
      this.#again = false;
      try {
        const { nodes, nodeName } = this.#options;
        const wanted = wantedRoutes(nodes.list(), nodeName);
        await this.#apply(planRoutes(wanted, await currentRoutes()));
      } catch (err) {
        this.#options.logger.error({ err }, 'Reading routes failed');
      }
    }
    this.#running = undefined;
  }

  /** Each by itself: a node that is not on this link must not keep others from theirs. */
  async #apply(commands: readonly string[]): Promise<void> {
    for (const command of commands) {
      try {
        await runIp([command]);
      } catch (err) {
        this.#options.logger.warn({ err, command }, 'Setting a route to another node failed');
      }
    }
  }
}

export function wantedRoutes(nodes: readonly Node[], nodeName: string): PodRoutes {
  const routes = new Map<string, string>();
  for (const { metadata, spec, status } of nodes) {
    const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
    const cidr = spec?.podCIDR;
    if (metadata.name === nodeName || cidr === undefined || address === undefined) continue;
    if (parseIpv4(address) !== undefined && parseIpv4(cidr.split('/')[0] ?? '') !== undefined)
      routes.set(cidr, address);
  }
  return routes;
}

export function planRoutes(wanted: PodRoutes, current: PodRoutes): string[] {
  const commands: string[] = [];
  for (const cidr of current.keys()) {
    if (!wanted.has(cidr)) commands.push(`route del ${cidr} proto ${routeProtocol}`);
  }
  for (const [cidr, address] of wanted) {
    if (current.get(cidr) !== address) commands.push(`route replace ${cidr} via ${address} proto ${routeProtocol}`);
  }
  return commands;
}

export async function removeNodeRoutes(): Promise<void> {
  for (const command of planRoutes(new Map(), await currentRoutes())) await runIp([command]);
}

async function currentRoutes(): Promise<PodRoutes> {
  const output = await runCommand('ip', ['-j', '-4', 'route', 'show', 'proto', routeProtocol]);
  const rows = JSON.parse(output === '' ? '[]' : output) as { readonly dst: string; readonly gateway?: string }[];
  return new Map(rows.map(({ dst, gateway = '' }) => [dst, gateway]));
}
