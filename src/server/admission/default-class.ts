import type { PersistentVolumeClaim } from '../../api/core/v1/types.generated.ts';
import type { Ingress } from '../../api/networking/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { ObjectAccess } from '../contract.ts';
import type { AdmissionPlugin } from '../request.ts';

const storageClasses = { group: 'storage.k8s.io', resource: 'storageclasses' };
const ingressClasses = { group: 'networking.k8s.io', resource: 'ingressclasses' };
const defaultStorageClassAnnotations = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
const defaultIngressClassAnnotations = ['ingressclass.kubernetes.io/is-default-class'];

/** A claim that names no class gets the default one; `storageClassName: ""` asks for none. */
export function defaultStorageClass(objects: ObjectAccess): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    handles: ({ operation, group, resource, subresource }) =>
      operation === 'CREATE' && group === '' && resource === 'persistentvolumeclaims' && subresource === '',
    async admit({ object }) {
      if (object === undefined) return;
      const { spec, metadata } = as<PersistentVolumeClaim>(object);
      const isNamed = metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined;
      if (spec === undefined || spec.storageClassName !== undefined || isNamed) return;
      const found = defaultOf(objects.list(storageClasses), defaultStorageClassAnnotations);
      if (found !== undefined) spec.storageClassName = found.metadata.name;
    },
  };
}

/** An ingress that names no class gets the default one. */
export function defaultIngressClass(objects: ObjectAccess): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    handles: ({ operation, group, resource, subresource }) =>
      operation === 'CREATE' && group === 'networking.k8s.io' && resource === 'ingresses' && subresource === '',
    async admit({ object }) {
      if (object === undefined) return;
      const ingress = as<Ingress>(object);
      const isNamed = ingress.metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined;
      if (ingress.spec?.ingressClassName !== undefined || isNamed) return;
      const found = defaultOf(objects.list(ingressClasses), defaultIngressClassAnnotations);
      if (found !== undefined) ingress.spec = { ...ingress.spec, ingressClassName: found.metadata.name };
    },
  };
}

/** The newest of the classes marked default, by name where they are equally old. */
export function defaultOf(
  classes: readonly UnknownObject[],
  annotations: readonly string[],
): UnknownObject | undefined {
  const marked = classes.filter(({ metadata }) => annotations.some((key) => metadata.annotations?.[key] === 'true'));
  const age = ({ metadata }: UnknownObject): string => metadata.creationTimestamp ?? '';
  marked.sort((a, b) => {
    if (age(a) !== age(b)) return age(a) > age(b) ? -1 : 1;
    return a.metadata.name < b.metadata.name ? -1 : 1;
  });
  return marked[0];
}
