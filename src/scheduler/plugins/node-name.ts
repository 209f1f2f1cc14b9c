import type { Plugin, Rejection } from './plugin.ts';

const rejection: Rejection = { reasons: ["node(s) didn't match the requested node name"], resolvable: false };

export const nodeName: Plugin = {
  name: 'NodeName',
  retryOn: new Set(['nodeAdded']),
  prepareFilter({ pod }) {
    const wanted = pod.spec?.nodeName ?? '';
    if (wanted === '') return undefined;
    return { filter: ({ name }) => (name === wanted ? undefined : rejection) };
  },
};
