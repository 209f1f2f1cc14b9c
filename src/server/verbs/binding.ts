import type { Binding, Pod } from '../../api/core/v1/types.generated.ts';
import type { ResourceDefinition, UpdateStrategy } from '../../api/resource.ts';
import { schemaOf } from '../../api/schema/structure.ts';
import { clone } from '../../machinery/json.ts';
import { conflict, type FieldError, invalid } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { topologyLabels } from '../admission/pod-topology-labels.ts';
import type { Registry } from '../registry/registry.ts';
import { admitPosted } from '../registry/write-request.ts';
import type { RequestContext } from '../request.ts';
import { readObject } from './object-decoding.ts';
import { fieldValidationOf, writeRequestOf } from './request-options.ts';
import { sendPlain } from './respond.ts';
import { successStatus } from './success-status.ts';

const bindingKind = { group: '', version: 'v1', kind: 'Binding' };
/** A binding writes what no update of a pod may. */
const bindingRules: UpdateStrategy = { prepareForUpdate: () => undefined, validateUpdate: () => [] };

/** POST of `pods/<name>/binding`, or of a Binding that names its pod: how a scheduler gives a pod its node. */
export async function bindPod(context: RequestContext, podRow: ResourceDefinition, registry: Registry): Promise<void> {
  const expected = { ...bindingKind, schema: schemaOf('core/v1.Binding') };
  const object = await readObject(context, expected, fieldValidationOf(context.query, 'CreateOptions'));
  const binding = object as unknown as Binding;
  const name = context.info.name === '' ? (binding.metadata.name ?? '') : context.info.name;
  const errors = validateBinding(binding);
  if (errors.length > 0) throw invalid({ group: '', kind: 'Binding' }, name, errors);
  const request = {
    ...writeRequestOf(context, podRow, undefined, 'CreateOptions'),
    subresource: { name: 'binding', kind: 'Binding', verbs: [], serve: 'custom', strategy: bindingRules } as const,
    name,
    admission: false,
    managesFields: true,
  };
  await admitPosted(registry.admission, request, { kind: 'Binding', subresource: 'binding', name, object });
  await registry.update(request, {
    change: (old) => {
      const pod = clone(old as unknown as Pod);
      const refusal = assign(pod, binding, registry.clock());
      if (refusal !== undefined) throw conflict({ group: '', resource: 'pods/binding' }, name, refusal);
      return { ...pod };
    },
  });
  await sendPlain(context, successStatus(201), 201);
}

function validateBinding({ target }: Binding): FieldError[] {
  const errors: FieldError[] = [];
  const kind = target?.kind ?? '';
  if (kind !== '' && kind !== 'Node') {
    const supported = ['Node', '<empty>'];
    errors.push({ type: 'notSupported', field: 'target.kind', value: kind, detail: '', supported });
  }
  if ((target?.name ?? '') === '') errors.push({ type: 'required', field: 'target.name', detail: '' });
  return errors;
}

/** Changes the pod, or answers why it may not be assigned. */
function assign(pod: Pod, binding: Binding, now: number): string | undefined {
  const { name } = pod.metadata;
  const { uid = '', resourceVersion = '' } = binding.metadata;
  if (uid !== '' && uid !== pod.metadata.uid) {
    return `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid ?? ''}`;
  }
  if (resourceVersion !== '' && resourceVersion !== pod.metadata.resourceVersion) {
    return `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${pod.metadata.resourceVersion ?? ''}`;
  }
  if (pod.metadata.deletionTimestamp !== undefined) {
    return `pod ${name} is being deleted, cannot be assigned to a host`;
  }
  if ((pod.spec.nodeName ?? '') !== '') {
    return `pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`;
  }
  if ((pod.spec.schedulingGates ?? []).length > 0) return `pod ${name} has non-empty .spec.schedulingGates`;
  pod.spec.nodeName = binding.target.name ?? '';
  const { annotations, labels } = binding.metadata;
  // Admission says where the node is; what the pod says itself stands.
  if (labels !== undefined) pod.metadata.labels = { ...topologyOf(labels), ...pod.metadata.labels };
  if (annotations !== undefined) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: rfc3339(now) };
  pod.status = { ...pod.status, conditions: [...others, scheduled] };
  return undefined;
}

function topologyOf(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => topologyLabels.some((label) => label === name)));
}
