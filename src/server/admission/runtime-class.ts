import type { Pod, PodSpec } from '../../api/core/v1/types.generated.ts';
import type { RuntimeClass } from '../../api/node/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import { canonicalQuantity } from '../../machinery/quantity.ts';
import type { ObjectAccess } from '../contract.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { isPodCreate } from './chain.ts';
import { refuse } from './refusals.ts';
import { mergeTolerations } from './tolerations.ts';

const runtimeClasses = { group: 'node.k8s.io', resource: 'runtimeclasses' };

type Overhead = Readonly<Record<string, string | number>>;

/** A pod gets what its RuntimeClass costs beside its containers, and goes where the class can run. */
export function runtimeClassAdmission(objects: ObjectAccess): AdmissionPlugin {
  const classOf = async (attributes: AdmissionAttributes, { runtimeClassName }: PodSpec) => {
    if (runtimeClassName === undefined || runtimeClassName === '') return undefined;
    const found =
      objects.get(runtimeClasses, '', runtimeClassName) ??
      (await objects.getFresh(runtimeClasses, '', runtimeClassName));
    if (found === undefined) {
      throw refuse(attributes, `pod rejected: RuntimeClass ${JSON.stringify(runtimeClassName)} not found`);
    }
    return as<RuntimeClass>(found);
  };
  return {
    name: 'RuntimeClass',
    handles: isPodCreate,
    async admit(attributes) {
      const spec = attributes.object === undefined ? undefined : as<Pod>(attributes.object).spec;
      const runtimeClass = spec === undefined ? undefined : await classOf(attributes, spec);
      if (spec === undefined || runtimeClass === undefined) return;
      setOverhead(attributes, spec, runtimeClass);
      setScheduling(attributes, spec, runtimeClass);
    },
    async validate(attributes) {
      const spec = attributes.object === undefined ? undefined : as<Pod>(attributes.object).spec;
      if (spec === undefined) return;
      const runtimeClass = await classOf(attributes, spec);
      const overhead = runtimeClass?.overhead?.podFixed;
      if (overhead === undefined && Object.keys(spec.overhead ?? {}).length > 0) {
        throw refuse(attributes, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
      }
      if (overhead !== undefined && !isSame(overhead, spec.overhead ?? {})) throw mismatch(attributes);
    },
  };
}

function setOverhead(attributes: AdmissionAttributes, spec: PodSpec, { overhead }: RuntimeClass): void {
  const fixed = overhead?.podFixed;
  if (fixed === undefined) return;
  if (spec.overhead !== undefined && Object.keys(spec.overhead).length > 0 && !isSame(fixed, spec.overhead)) {
    throw mismatch(attributes);
  }
  spec.overhead = { ...fixed };
}

function mismatch(attributes: AdmissionAttributes): Error {
  return refuse(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
}

function isSame(a: Overhead, b: Overhead): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => {
      const [one, other] = [a[name], b[name]];
      return one !== undefined && other !== undefined && canonicalQuantity(one) === canonicalQuantity(other);
    })
  );
}

function setScheduling(attributes: AdmissionAttributes, spec: PodSpec, { scheduling }: RuntimeClass): void {
  if (scheduling === undefined) return;
  const { nodeSelector = {}, tolerations = [] } = scheduling;
  for (const [key, value] of Object.entries(nodeSelector)) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value) {
      throw refuse(
        attributes,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
    }
  }
  if (Object.keys(nodeSelector).length > 0) spec.nodeSelector = { ...spec.nodeSelector, ...nodeSelector };
  if (tolerations.length > 0) spec.tolerations = mergeTolerations(spec.tolerations ?? [], tolerations);
}
