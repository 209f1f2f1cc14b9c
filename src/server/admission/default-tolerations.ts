import type { Pod, Toleration } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { AdmissionPlugin } from '../request.ts';
import { isPodCreate } from './chain.ts';

const taints = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
const tolerationSeconds = 300;

/** A pod that says nothing stays five minutes on a node that is not ready or not reachable. */
export function defaultTolerationSeconds(): AdmissionPlugin {
  return {
    name: 'DefaultTolerationSeconds',
    handles: isPodCreate,
    async admit({ object }) {
      const spec = object === undefined ? undefined : as<Pod>(object).spec;
      if (spec === undefined) return;
      const given = spec.tolerations ?? [];
      const missing = taints.filter((key) => !given.some((toleration) => tolerates(toleration, key)));
      if (missing.length === 0) return;
      const added = missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }));
      spec.tolerations = [...given, ...added];
    },
  };
}

function tolerates({ key, effect }: Toleration, taint: string): boolean {
  const anyKey = key === undefined || key === '' || key === taint;
  return anyKey && (effect === undefined || effect === '' || effect === 'NoExecute');
}
