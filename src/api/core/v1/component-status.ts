import { column, nameColumn } from '../../columns.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { ComponentCondition, ComponentStatus } from './types.generated.ts';

/** Never stored: the server answers for its own parts. */
export const componentStatusResource: ResourceDefinition = defineResource<ComponentStatus>({
  version: 'v1',
  kind: 'ComponentStatus',
  resource: 'componentstatuses',
  shortNames: ['cs'],
  namespaced: false,
  verbs: ['get', 'list'],
  schema: 'core/v1.ComponentStatus',
  columns: [
    nameColumn,
    column<ComponentStatus>('Status', statusCell, { description: 'Healthy or not' }),
    column<ComponentStatus>('Message', (status) => healthOf(status)?.message ?? '', { description: 'What it says' }),
    column<ComponentStatus>('Error', (status) => healthOf(status)?.error ?? '', { description: 'What is wrong' }),
  ],
  warnings: () => ['v1 ComponentStatus is deprecated in v1.19+'],
  virtual: true,
});

function healthOf(status: ComponentStatus): ComponentCondition | undefined {
  return status.conditions?.find((condition) => condition.type === 'Healthy');
}

function statusCell(status: ComponentStatus): string {
  const health = healthOf(status)?.status;
  return health === 'True' ? 'Healthy' : health === 'False' ? 'Unhealthy' : 'Unknown';
}
