import { readdirSync } from 'node:fs';
import { removeForwardAccept } from './bridge/forward-accept.ts';
import { removeVeth } from './bridge/veth.ts';
import { applyNft } from './commands.ts';
import { bridgeName, podTable, policyTable, serviceTable, vethPrefix } from './names.ts';
import { removeNodeRoutes } from './node-routes.ts';

/** Takes everything of this part off the machine; safe to repeat. Pods that still run lose their network. */
export async function purgeNetwork(): Promise<void> {
  for (const name of readdirSync('/sys/class/net')) {
    if (name.startsWith(vethPrefix)) await removeVeth(name);
  }
  await removeVeth(bridgeName);
  const tables = [podTable, serviceTable, policyTable];
  await applyNft(tables.map((table) => `add table ip ${table}\ndelete table ip ${table}\n`).join(''));
  await removeNodeRoutes();
  await removeForwardAccept();
}
