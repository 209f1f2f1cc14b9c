import { hostSelection, scriptProperties, taskPhase } from './host-task.ts';
import { count, flag, list, namespacedDefinition, object, seconds, text, time, whole } from './schema.ts';

/** The shape is `FleetCommand` in `api/fleet/v1/command.ts`. */
export const commandDefinition = namespacedDefinition({
  kind: 'Command',
  plural: 'commands',
  shortNames: ['fcmd'],
  description: 'A script run on many hosts',
  spec: object(
    {
      hosts: hostSelection,
      script: object(scriptProperties),
      parallelism: { 'x-kubernetes-int-or-string': true, description: 'Hosts at a time: a number, or a share as 25%' },
      timeoutSeconds: seconds,
      failurePolicy: { ...text, enum: ['Continue', 'Stop'] },
      maxFailures: count,
      dryRun: flag,
      cancel: flag,
      readOnly: flag,
      retry: { ...count, description: 'Raised by one, runs the script again where it failed' },
    },
    ['hosts', 'script'],
  ),
  status: object({
    phase: taskPhase,
    message: text,
    completionTime: time,
    total: count,
    running: count,
    succeeded: count,
    failed: count,
    results: list(
      object({ host: text, phase: taskPhase, task: text, attempt: count, exitCode: whole, message: text }, [
        'host',
        'phase',
        'attempt',
      ]),
    ),
  }),
  columns: [
    { name: 'Status', type: 'string', jsonPath: '.status.phase' },
    { name: 'Hosts', type: 'integer', jsonPath: '.status.total' },
    { name: 'Running', type: 'integer', jsonPath: '.status.running' },
    { name: 'Succeeded', type: 'integer', jsonPath: '.status.succeeded' },
    { name: 'Failed', type: 'integer', jsonPath: '.status.failed' },
  ],
});
