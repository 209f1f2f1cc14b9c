import type { UnknownObject } from '../../machinery/meta.ts';
import { notFound } from '../../machinery/status-error.ts';
import type { Api } from '../contract.ts';
import { tableEnd, tableHead, tableRow } from '../table/table.ts';
import { negotiate } from '../verbs/media-type.ts';
import { formOf } from '../verbs/object-form.ts';
import { sendJson, sendObject, sendPlain } from '../verbs/respond.ts';

const of = { group: '', resource: 'componentstatuses' };
const names = ['controller-manager', 'etcd-0', 'scheduler'];

/** The deprecated `kubectl get componentstatuses`: all parts are in this process, so they are well when it answers. */
export function serveComponentStatuses(api: Api, now: () => number): void {
  api.serve({ ...of, subresource: '' }, async (context, row) => {
    context.warnings.push('v1 ComponentStatus is deprecated in v1.19+');
    const { verb, name } = context.info;
    if (verb !== 'list') {
      if (!names.includes(name)) throw notFound(of, name);
      await sendObject(context, row, { object: status(name), bytes: undefined }, 200, now);
      return;
    }
    const accepted = negotiate(context.headers.accept);
    const { table } = formOf(row, accepted, context.query, now);
    const items = names.map(status);
    if (table === undefined) {
      await sendPlain(context, { kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {}, items }, 200);
      return;
    }
    const rows = items.map((item) => tableRow(row, table, item)).join(',');
    await sendJson(context, accepted, 200, `${tableHead(row, table, {})}${rows}${tableEnd}`);
  });
}

function status(name: string): UnknownObject {
  const conditions = [{ type: 'Healthy', status: 'True', message: 'ok' }];
  return { kind: 'ComponentStatus', apiVersion: 'v1', metadata: { name }, conditions };
}
