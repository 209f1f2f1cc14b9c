import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { checkChoice, checkImmutable } from '../../field-checks.ts';
import { specPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { CSIDriver } from './types.generated.ts';

const fsGroupPolicies = ['File', 'None', 'ReadWriteOnceWithFSType'];
const lifecycleModes = ['Ephemeral', 'Persistent'];

export const csiDriverResource: ResourceDefinition = defineResource<CSIDriver>({
  group: 'storage.k8s.io',
  version: 'v1',
  namespaced: false,
  kind: 'CSIDriver',
  resource: 'csidrivers',
  returnsDeletedObject: true,
  schema: 'storage/v1.CSIDriver',
  columns: [
    nameColumn,
    column<CSIDriver>('AttachRequired', ({ spec }) => spec.attachRequired ?? true, { type: 'boolean' }),
    column<CSIDriver>('PodInfoOnMount', ({ spec }) => spec.podInfoOnMount ?? false, { type: 'boolean' }),
    column<CSIDriver>('StorageCapacity', ({ spec }) => spec.storageCapacity ?? false, { type: 'boolean' }),
    column<CSIDriver>('TokenRequests', ({ spec }) =>
      spec.tokenRequests === undefined
        ? '<unset>'
        : spec.tokenRequests.map(({ audience }) => (audience === '' ? '<default>' : audience)).join(','),
    ),
    column<CSIDriver>('RequiresRepublish', ({ spec }) => spec.requiresRepublish ?? false, { type: 'boolean' }),
    column<CSIDriver>('Modes', ({ spec }) => spec.volumeLifecycleModes?.join(',') ?? '<none>'),
    ageColumn,
  ],
  generation: ['spec'],
  defaults(driver) {
    driver.spec ??= {};
    const { spec } = driver;
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if (spec.volumeLifecycleModes === undefined || spec.volumeLifecycleModes.length === 0) {
      spec.volumeLifecycleModes = ['Persistent'];
    }
  },
  validate: (driver) => validateDriver(driver),
  validateUpdate(driver, old) {
    const errors = validateDriver(driver);
    const modesPath = specPath.child('volumeLifecycleModes');
    checkImmutable(errors, specPath.child('attachRequired'), driver.spec.attachRequired, old.spec.attachRequired);
    checkImmutable(errors, modesPath, driver.spec.volumeLifecycleModes, old.spec.volumeLifecycleModes);
    return errors;
  },
});

function validateDriver({ spec }: CSIDriver): FieldError[] {
  const errors: FieldError[] = [];
  checkChoice(errors, specPath.child('fsGroupPolicy'), spec.fsGroupPolicy, fsGroupPolicies);
  spec.volumeLifecycleModes?.forEach((mode, index) => {
    checkChoice(errors, specPath.at('volumeLifecycleModes', index), mode, lifecycleModes);
  });
  return errors;
}
