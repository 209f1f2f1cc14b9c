import { type Labels, type Selector, selectEverything, selectNothing, selectorOf } from '../../../machinery/labels.ts';
import type { LabelSelector } from '../../../machinery/meta-types.generated.ts';
import { notFound } from '../../../machinery/status-error.ts';
import type { ObjectAccess } from '../../contract.ts';
import type { AdmissionAttributes } from '../../request.ts';

const namespaces = { group: '', resource: 'namespaces' };

/**
 * A selector that is not set selects everything here, unlike elsewhere. One that cannot be read, which validation should
 * have refused, selects nothing: what is stored must never keep the server from starting.
 */
export function compileSelector(selector: LabelSelector | undefined): Selector {
  if (selector === undefined) return selectEverything;
  try {
    return selectorOf(selector);
  } catch {
    return selectNothing;
  }
}

/** Whether the namespace of the request, or the namespace that it is about, is selected. */
export async function namespaceMatches(
  selector: Selector,
  attributes: AdmissionAttributes,
  objects: ObjectAccess,
): Promise<boolean> {
  if (selector.empty) return true;
  if (isNamespace(attributes)) {
    return selector.matches((attributes.object ?? attributes.oldObject)?.metadata.labels);
  }
  const { namespace } = attributes;
  // Objects outside of namespaces are matched by rules alone.
  if (namespace === '') return true;
  const found = objects.get(namespaces, '', namespace) ?? (await objects.getFresh(namespaces, '', namespace));
  if (found === undefined) throw notFound(namespaces, namespace);
  return selector.matches(found.metadata.labels);
}

/** Either the new or the old object is selected. */
export function objectMatches(selector: Selector, { object, oldObject }: AdmissionAttributes): boolean {
  if (selector.empty) return true;
  const matches = (labels: Labels | undefined): boolean => selector.matches(labels);
  return (
    (object !== undefined && matches(object.metadata?.labels)) ||
    (oldObject !== undefined && matches(oldObject.metadata?.labels))
  );
}

export function isNamespace({ group, resource, subresource }: AdmissionAttributes): boolean {
  return group === '' && resource === 'namespaces' && subresource === '';
}

/** Nobody can lock themselves out: what admission is configured by is not subject to it. */
export function isAdmissionConfiguration({ group, resource }: { group: string; resource: string }): boolean {
  return (
    group === 'admissionregistration.k8s.io' &&
    /^(?:validating|mutating)(?:webhookconfigurations|admissionpolicies|admissionpolicybindings)$/.test(resource)
  );
}
