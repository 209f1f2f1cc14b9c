import type { ObjectAccess } from '../contract.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { apiError, forbidden, formatForbidden, notFound } from './refusals.ts';

const namespaces = { group: '', resource: 'namespaces' };
const immortal = new Set(['default', 'kube-system', 'kube-public']);
/** What may still be created in a namespace that is going away: answers that store nothing. */
const reviewGroups = new Set(['authorization.k8s.io', 'authentication.k8s.io']);

/** Refuses to create in a namespace that is missing or going away, and to delete the namespaces the cluster needs. */
export function namespaceLifecycle(objects: ObjectAccess): AdmissionPlugin {
  // Asked on every create, so what matters of each namespace is kept here: is it going away?
  const terminating = new Map<string, boolean>();
  const note = (name: string, object: { metadata: { deletionTimestamp?: string } }): void => {
    terminating.set(name, object.metadata.deletionTimestamp !== undefined);
  };
  objects.onChange(namespaces, ({ type, name, object }) => {
    if (type === 'delete') terminating.delete(name);
    else note(name, object);
  });
  for (const object of objects.list(namespaces)) note(object.metadata.name, object);

  return {
    name: 'NamespaceLifecycle',
    handles: ({ operation, group }) => operation === 'DELETE' || (operation === 'CREATE' && !reviewGroups.has(group)),
    async admit(attributes) {
      if (attributes.operation === 'DELETE') {
        refuseImmortal(attributes);
        return;
      }
      const { namespace } = attributes;
      if (namespace === '' || attributes.resource === 'namespaces') return;
      let isTerminating = terminating.get(namespace);
      if (isTerminating === undefined) {
        const fresh = await objects.getFresh(namespaces, '', namespace);
        if (fresh === undefined) throw notFound(namespaces, namespace);
        isTerminating = fresh.metadata.deletionTimestamp !== undefined;
      }
      if (isTerminating) throw terminatingNamespace(attributes);
    },
  };
}

function refuseImmortal({ group, resource, name }: AdmissionAttributes): void {
  if (resource !== 'namespaces' || group !== '' || !immortal.has(name)) return;
  throw forbidden(namespaces, name, 'this namespace may not be deleted');
}

function terminatingNamespace({ group, resource, name, namespace }: AdmissionAttributes): Error {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  return apiError(403, 'Forbidden', formatForbidden({ group, resource }, name, why), {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind: resource,
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  });
}
