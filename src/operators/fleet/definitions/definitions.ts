import type { CustomResourceDefinition } from '../../../api/apiextensions/v1/types.generated.ts';
import { commandDefinition } from './command.ts';
import { hostDefinition } from './host.ts';
import { hostInitDefinition } from './host-init.ts';
import { hostTaskDefinition } from './host-task.ts';

/** The kinds of `fleet.roadstead.dev`, in the order in which they are installed. */
export const fleetDefinitions: readonly CustomResourceDefinition[] = [
  hostDefinition,
  hostTaskDefinition,
  commandDefinition,
  hostInitDefinition,
];
