import type { HostTask } from '../../api/fleet/v1/host-task.ts';
import { as } from '../../api/resource.ts';
import { apiError, notFound } from '../../machinery/status-error.ts';
import type { HostGateway } from '../../tunnel/contract.ts';
import type { ObjectAccess } from '../contract.ts';
import type { Handler } from '../request.ts';
import { hostPath } from './pod-target.ts';

const hostTasks = { group: 'fleet.roadstead.dev', resource: 'hosttasks' };

/**
 * `/apis/streams.roadstead.dev/v1/namespaces/<namespace>/hosttasks/<name>/log`: all that a task printed, from its host;
 * `follow=true` to its end, `step=<name>` for one step. Whoever may `get` `hosttasks/log` of that group reads it: output
 * can hold what a task's own object does not show, so it is a right of its own.
 */
export function taskLogHandler(objects: ObjectAccess, gateway: HostGateway): Handler {
  return async (context) => {
    const { info, query, method } = context;
    if (method !== 'GET' || info.resource !== 'hosttasks' || info.subresource !== 'log' || info.namespace === '') {
      throw apiError(404, 'NotFound', 'the server could not find the requested resource');
    }
    const found = objects.get(hostTasks, info.namespace, info.name);
    if (found === undefined) throw notFound(hostTasks, info.name);
    const task = as<HostTask>(found);
    const { stream } = await gateway.open(task.spec.host, {
      method: 'GET',
      path: hostPath(['host-tasks', task.metadata.uid ?? '', 'log'], {
        follow: query.get('follow') === 'true' ? 'true' : undefined,
        step: query.get('step') ?? undefined,
      }),
      signal: context.signal,
    });
    const response = context.response.stream(200, 'text/plain');
    for await (const chunk of stream as AsyncIterable<Buffer>) if (!response.write(chunk)) await response.drained();
    response.end();
  };
}
