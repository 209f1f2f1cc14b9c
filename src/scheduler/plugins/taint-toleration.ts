import { isTolerated, repellingTaint } from '../../api/core/v1/taints.ts';
import { normalize, type Plugin, type Rejection } from './plugin.ts';

const rejection: Rejection = { reasons: ['node(s) had untolerated taint(s)'], resolvable: false };

export const taintToleration: Plugin = {
  name: 'TaintToleration',
  weight: 3,
  retryOn: new Set(['nodeAdded', 'nodeTaintsChanged']),
  prepareFilter({ pod }) {
    const tolerations = pod.spec?.tolerations;
    return {
      filter: ({ node }) => (repellingTaint(node?.spec?.taints, tolerations) === undefined ? undefined : rejection),
    };
  },
  score({ pod }, nodes) {
    let any = false;
    const counts = nodes.map(({ node }) => {
      let count = 0;
      for (const taint of node?.spec?.taints ?? []) {
        if (taint.effect === 'PreferNoSchedule' && !isTolerated(taint, pod.spec?.tolerations)) count += 1;
      }
      any ||= count > 0;
      return count;
    });
    return any ? normalize(counts, true) : undefined;
  },
};
