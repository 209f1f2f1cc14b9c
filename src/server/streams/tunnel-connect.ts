import { apiError, badRequest, forbidden } from '../../machinery/status-error.ts';
import type { Gateway } from '../../tunnel/gateway.ts';
import { tunnelProtocol } from '../../tunnel/host-end.ts';
import type { Handler } from '../request.ts';
import { switchProtocols, takeSocket } from './upgrade.ts';

const pathPattern = /^\/apis\/tunnel\.roadstead\.dev\/v1\/hosts\/([^/]+)\/connect$/;

/** Where hosts dial in. Only the host itself may, and administrators. */
export function tunnelConnectHandler(gateway: Gateway): Handler {
  return async (context) => {
    const match = pathPattern.exec(context.path);
    if (match === null) throw apiError(404, 'NotFound', 'the server could not find the requested resource');
    const host = decodeURIComponent(match[1] ?? '');
    const { user } = context;
    if (user.name !== `system:node:${host}` && !user.groups.includes('system:masters')) {
      throw forbidden(
        { group: 'tunnel.roadstead.dev', resource: 'hosts' },
        host,
        `User ${JSON.stringify(user.name)} cannot connect as this host`,
      );
    }
    if (String(context.headers.upgrade ?? '').toLowerCase() !== tunnelProtocol) {
      throw badRequest('Upgrade request required');
    }
    const socket = takeSocket(context);
    await switchProtocols(socket, tunnelProtocol);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    gateway.accept(host, socket);
    await closed;
  };
}
