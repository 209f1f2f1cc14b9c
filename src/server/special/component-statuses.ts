import { notFound } from '../../machinery/status-error.ts';
import type { Api } from '../contract.ts';

const of = { group: '', resource: 'componentstatuses' };
const names = ['controller-manager', 'etcd-0', 'scheduler'];

/** The deprecated `kubectl get componentstatuses`: all parts are in this process, so they are well when it answers. */
export function serveComponentStatuses(api: Api): void {
  api.serve({ ...of, subresource: '' }, async (context) => {
    context.warnings.push('v1 ComponentStatus is deprecated in v1.19+');
    const { verb, name } = context.info;
    const isList = verb === 'list';
    if (!isList && !names.includes(name)) throw notFound(of, name);
    const answer = isList
      ? { kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {}, items: names.map((one) => status(one)) }
      : { kind: 'ComponentStatus', apiVersion: 'v1', ...status(name) };
    context.response.send(200, 'application/json', `${JSON.stringify(answer)}\n`);
  });
}

function status(name: string): object {
  return { metadata: { name }, conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }] };
}
