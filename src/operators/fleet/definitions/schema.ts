import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  JSONSchemaProps,
} from '../../../api/apiextensions/v1/types.generated.ts';
import { fleetGroup, fleetVersion } from '../../../api/fleet/v1/host.ts';

export type Schema = JSONSchemaProps;

export const text: Schema = { type: 'string' };
export const flag: Schema = { type: 'boolean' };
export const whole: Schema = { type: 'integer', format: 'int32' };
export const count: Schema = { type: 'integer', format: 'int64', minimum: 0 };
export const seconds: Schema = { type: 'integer', format: 'int32', minimum: 1 };
export const time: Schema = { type: 'string', format: 'date-time' };
export const octal: Schema = { type: 'string', pattern: '^[0-7]{3,4}$' };

export function list(items: Schema, maxItems?: number): Schema {
  return { type: 'array', items, ...(maxItems === undefined ? {} : { maxItems }) };
}

export function object(properties: Record<string, Schema>, required: string[] = []): Schema {
  return { type: 'object', properties, ...(required.length === 0 ? {} : { required }) };
}

interface NamespacedKind {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: string[];
  readonly description: string;
  readonly spec: Schema;
  readonly status?: Schema;
  readonly columns: CustomResourceColumnDefinition[];
  readonly selectable?: readonly string[];
}

/** A namespaced kind of the group, with `status` a subresource where there is one. */
export function namespacedDefinition(of: NamespacedKind): CustomResourceDefinition {
  const { kind, plural, shortNames, description, spec, status, columns, selectable } = of;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${fleetGroup}` },
    spec: {
      group: fleetGroup,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames, categories: ['fleet'] },
      versions: [
        {
          name: fleetVersion,
          served: true,
          storage: true,
          ...(status === undefined ? {} : { subresources: { status: {} } }),
          additionalPrinterColumns: [
            ...columns,
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
          ...(selectable === undefined ? {} : { selectableFields: selectable.map((jsonPath) => ({ jsonPath })) }),
          schema: {
            openAPIV3Schema: {
              description,
              ...object({ spec, ...(status === undefined ? {} : { status }) }, ['spec']),
            },
          },
        },
      ],
    },
  };
}
