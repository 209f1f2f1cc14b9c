import type { Logger } from '../../machinery/logger.ts';
import type { HostGateway } from '../../tunnel/contract.ts';
import type { AdmissionChain, Api, CustomHandler } from '../contract.ts';
import { serveCommand } from './command.ts';
import { admitConnect } from './connect-admission.ts';
import { serveLog } from './log.ts';
import { servePortForward } from './port-forward.ts';
import { serveNodeProxy, servePodProxy, serveServiceProxy } from './proxy.ts';
import { hasSwitched } from './upgrade.ts';

export { tunnelConnectHandler } from './tunnel-connect.ts';

export interface StreamsOptions {
  readonly logger: Logger;
  /** ms since the epoch; for `sinceSeconds`. */
  readonly now?: () => number;
  /** Asked before a stream is opened; absent: nobody is. */
  readonly admission?: AdmissionChain;
}

/** Serves the byte streams: exec, attach, port-forward and logs of pods, and the proxies, bridged to the pod's host. */
export function registerStreams(
  api: Api,
  gateway: HostGateway,
  { logger, now = Date.now, admission }: StreamsOptions,
): void {
  const door = { objects: api.objects, gateway, now };
  const serve = (resource: string, subresource: string, handler: CustomHandler): void =>
    api.serve({ group: '', resource, subresource }, async (context, row) => {
      try {
        await admitConnect(admission, context, row);
        await handler(context, row);
      } catch (error) {
        if (!hasSwitched(context)) throw error;
        // What could still be answered is no longer HTTP: all that is left is to hang up.
        logger.debug({ err: error, subresource }, 'Stream ended with an error');
        context.upgrade?.socket.destroy();
      }
    });
  serve('pods', 'exec', (context) => serveCommand(context, 'exec', door));
  serve('pods', 'attach', (context) => serveCommand(context, 'attach', door));
  serve('pods', 'portforward', (context) => servePortForward(context, door));
  serve('pods', 'log', (context) => serveLog(context, door));
  serve('pods', 'proxy', (context) => servePodProxy(context, door));
  serve('services', 'proxy', (context) => serveServiceProxy(context, door));
  serve('nodes', 'proxy', (context) => serveNodeProxy(context, door));
}
