import type { ClusterRole } from '../api/rbac/v1/types.generated.ts';
import { clusterRoles } from '../api/resource-types.ts';
import { createWorkQueue } from '../client/index.ts';
import { equal } from '../machinery/json.ts';
import { selectorOf } from '../machinery/labels.ts';
import { isNotFound } from '../machinery/status-error.ts';
import type { Controller, ControllerContext } from './controller.ts';

/** Fills ClusterRoles that gather the rules of others. Inputs and outputs: ClusterRoles. */
export function clusterRoleAggregationController({ client, informers }: ControllerContext): Controller {
  const queue = createWorkQueue();
  const informer = informers.informer(clusterRoles);
  // Any role may be gathered by any aggregating one; there are few of those.
  const addAll = (): void => {
    for (const role of informer.list()) if (role.aggregationRule !== undefined) queue.add(role.metadata.name);
  };
  informer.addHandler({ added: addAll, updated: addAll, deleted: addAll });
  return {
    name: 'clusterrole-aggregation',
    queue,
    async reconcile(name) {
      const role = informer.get(name);
      if (role?.aggregationRule === undefined) return undefined;
      const rules = aggregatedRules(role, informer.list());
      if (equal(rules, role.rules ?? [])) return undefined;
      try {
        const body = { metadata: { uid: role.metadata.uid }, rules };
        await client.resource(clusterRoles).patch({ name }, { type: 'merge', body });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return undefined;
    },
  };
}

export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): NonNullable<ClusterRole['rules']> {
  const rules: NonNullable<ClusterRole['rules']> = [];
  for (const labelSelector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const selector = selectorOf(labelSelector);
    const selected = all
      .filter((other) => other.metadata.name !== role.metadata.name && selector.matches(other.metadata.labels))
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    for (const { rules: theirs = [] } of selected) {
      for (const rule of theirs) if (!rules.some((present) => equal(present, rule))) rules.push(rule);
    }
  }
  return rules;
}
