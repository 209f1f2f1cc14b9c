import type { ResourceDefinition } from '../../resource.ts';
import { cronJobResource } from './cronjob.ts';
import { jobResource } from './job.ts';

export const batchResources: readonly ResourceDefinition[] = [cronJobResource, jobResource];
