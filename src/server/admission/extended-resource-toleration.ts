import type { Pod } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { AdmissionPlugin } from '../request.ts';
import { isPodCreate } from './chain.ts';
import { mergeTolerations } from './tolerations.ts';

/** A pod that asks for a device may go to the nodes that are kept for pods asking for it. */
export function extendedResourceToleration(): AdmissionPlugin {
  return {
    name: 'ExtendedResourceToleration',
    handles: isPodCreate,
    async admit({ object }) {
      const spec = object === undefined ? undefined : as<Pod>(object).spec;
      if (spec === undefined) return;
      const names = new Set<string>();
      for (const { resources } of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
        for (const name of Object.keys(resources?.requests ?? {})) if (isExtended(name)) names.add(name);
      }
      if (names.size === 0) return;
      const added = [...names].sort().map((key) => ({ key, operator: 'Exists', effect: 'NoSchedule' }));
      spec.tolerations = mergeTolerations(spec.tolerations ?? [], added);
    },
  };
}

function isExtended(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');
}
