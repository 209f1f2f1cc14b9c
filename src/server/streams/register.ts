import type { Logger } from '../../machinery/logger.ts';
import type { HostGateway } from '../../tunnel/contract.ts';
import type { Api, CustomHandler } from '../contract.ts';
import { serveCommand } from './command.ts';
import { serveLog } from './log.ts';
import { servePortForward } from './port-forward.ts';
import { hasSwitched } from './upgrade.ts';

export { tunnelConnectHandler } from './tunnel-connect.ts';

export interface StreamsOptions {
  readonly logger: Logger;
  /** ms since the epoch; for `sinceSeconds`. */
  readonly now?: () => number;
}

/** Serves the byte streams of pods: exec, attach, port-forward and logs, bridged to the pod's host. */
export function registerStreams(api: Api, gateway: HostGateway, { logger, now = Date.now }: StreamsOptions): void {
  const door = { objects: api.objects, gateway, now };
  const serve = (subresource: string, handler: CustomHandler): void =>
    api.serve({ group: '', resource: 'pods', subresource }, async (context, row) => {
      try {
        await handler(context, row);
      } catch (error) {
        if (!context.response.headersSent && !hasSwitched(context)) throw error;
        // The answer is under way: all that is left is to end it.
        logger.debug({ err: error, subresource }, 'Stream ended with an error');
        context.upgrade?.socket.destroy();
      }
    });
  serve('exec', (context) => serveCommand(context, 'exec', door));
  serve('attach', (context) => serveCommand(context, 'attach', door));
  serve('portforward', (context) => servePortForward(context, door));
  serve('log', (context) => serveLog(context, door));
}
