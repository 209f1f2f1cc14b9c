import type { Plugin, Rejection } from './plugin.ts';

const rejection: Rejection = {
  reasons: ["node(s) didn't have free ports for the requested pod ports"],
  resolvable: true,
};

export const nodePorts: Plugin = {
  name: 'NodePorts',
  retryOn: new Set(['nodeAdded', 'assignedPodGone']),
  prepareFilter({ hostPorts }) {
    if (hostPorts.length === 0) return undefined;
    return { filter: (node) => (hostPorts.some((port) => node.portTaken(port)) ? rejection : undefined) };
  },
};
