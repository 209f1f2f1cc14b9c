import { hostSelection, scriptProperties, taskPhase } from './host-task.ts';
import { count, list, namespacedDefinition, object, seconds, text } from './schema.ts';

const scriptsMax = 100;

/** The shape is `HostInit` in `api/fleet/v1/host-init.ts`. */
export const hostInitDefinition = namespacedDefinition({
  kind: 'HostInit',
  plural: 'hostinits',
  shortNames: ['hinit'],
  description: 'Scripts that every selected host runs once, in the order of their names',
  spec: object(
    {
      hosts: hostSelection,
      scripts: list(
        object({ name: { ...text, minLength: 1 }, timeoutSeconds: seconds, ...scriptProperties }, ['name']),
        scriptsMax,
      ),
      retry: { ...count, description: 'Raised by one, goes on where a script failed' },
    },
    ['hosts', 'scripts'],
  ),
  status: object({
    total: count,
    succeeded: count,
    failed: count,
    hosts: list(
      object(
        {
          host: text,
          digest: text,
          phase: taskPhase,
          attempt: count,
          task: text,
          from: count,
          done: count,
          message: text,
        },
        ['host', 'phase'],
      ),
    ),
  }),
  columns: [
    { name: 'Hosts', type: 'integer', jsonPath: '.status.total' },
    { name: 'Succeeded', type: 'integer', jsonPath: '.status.succeeded' },
    { name: 'Failed', type: 'integer', jsonPath: '.status.failed' },
  ],
});
