import { isTolerated } from '../../api/core/v1/taints.ts';
import type { Taint } from '../../api/core/v1/types.generated.ts';
import type { Plugin, Rejection } from './plugin.ts';

const rejection: Rejection = { reasons: ['node(s) were unschedulable'], resolvable: false };
const cordon: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  retryOn: new Set(['nodeAdded', 'nodeTaintsChanged']),
  prepareFilter({ pod }) {
    if (isTolerated(cordon, pod.spec?.tolerations)) return undefined;
    return { filter: ({ node }) => (node?.spec?.unschedulable === true ? rejection : undefined) };
  },
};
