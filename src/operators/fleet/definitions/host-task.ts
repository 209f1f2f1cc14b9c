import {
  count,
  flag,
  list,
  namespacedDefinition,
  object,
  octal,
  type Schema,
  seconds,
  text,
  time,
  whole,
} from './schema.ts';

const stepsMax = 100;
const keyReference = object({ name: text, key: text }, ['name', 'key']);
const valueSource = object({ secretKeyRef: keyReference, configMapKeyRef: keyReference });
const variables = list(object({ name: text, value: text, valueFrom: valueSource }, ['name']));

/** A script wherever one may stand: a task's step, a command, an init script. */
export const scriptProperties: Record<string, Schema> = {
  source: { ...text, description: 'The text of the script' },
  sourceFrom: valueSource,
  command: { ...list(text), description: 'A program with its arguments, run without a shell' },
  interpreter: { ...list(text), description: "Default what the script's first line says, else /bin/sh" },
  args: list(text),
  env: variables,
  secretRef: { ...object({ name: text }, ['name']), description: 'Every key of this Secret becomes a variable' },
  user: text,
  workdir: text,
  stdin: text,
};

const packageFile = object({ path: text, mode: octal, digest: text, chunks: list(text) }, ['path', 'digest', 'chunks']);
export const packageFiles = list(packageFile, 4096);

const step = object(
  {
    name: { ...text, maxLength: 253, minLength: 1 },
    creates: { ...text, description: 'The step is skipped where this path exists' },
    onlyIf: { ...list(text), description: 'The step is skipped where this command does not exit with 0' },
    idempotent: { ...flag, description: 'May be run again when its outcome is unknown' },
    reboots: { ...flag, description: 'A restart of the host while the step runs is its success' },
    timeoutSeconds: seconds,
    script: object(scriptProperties),
    file: object(
      { path: text, content: text, contentFrom: valueSource, mode: octal, owner: text, group: text, absent: flag },
      ['path'],
    ),
    directory: object({ path: text, mode: octal, owner: text, group: text }, ['path']),
    unit: object(
      { name: text, state: { ...text, enum: ['started', 'stopped', 'restarted', 'reloaded'] }, enabled: flag },
      ['name'],
    ),
    package: object({ name: text, digest: text, run: text, files: packageFiles, env: variables }, [
      'name',
      'digest',
      'run',
      'files',
    ]),
    wait: object({ tcp: text, http: text, path: text, command: list(text), intervalSeconds: seconds }),
  },
  ['name'],
);

/** The shape is `HostSelection` in `api/fleet/v1/command.ts`. */
export const hostSelection = object({
  names: list(text),
  selector: { ...text, description: 'Over the labels of Hosts, as kubectl writes it' },
  pool: { ...flag, description: 'Hosts without a role' },
  all: flag,
});

export const taskPhase = { ...text, enum: ['Pending', 'Running', 'Succeeded', 'Failed', 'Cancelled', 'Unknown'] };
const stepPhase = {
  ...text,
  enum: ['Running', 'Succeeded', 'Failed', 'Cancelled', 'Unknown', 'Skipped', 'TimedOut'],
};

/** The shape is `HostTask` in `api/fleet/v1/host-task.ts`. */
export const hostTaskDefinition = namespacedDefinition({
  kind: 'HostTask',
  plural: 'hosttasks',
  shortNames: ['ht'],
  description: 'An ordered list of steps, done on one host by its agent',
  selectable: ['.spec.host'],
  spec: object(
    {
      host: {
        ...text,
        minLength: 1,
        maxLength: 253,
        'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'the host of a task cannot be changed' }],
      },
      steps: { ...list(step, stepsMax), minItems: 1 },
      cancel: { ...flag, description: 'Ends what runs and starts nothing more' },
      readOnly: { ...flag, description: 'Changes nothing on the host, so it runs beside other tasks' },
    },
    ['host', 'steps'],
  ),
  status: object({
    phase: taskPhase,
    message: text,
    startTime: time,
    completionTime: time,
    exitCode: whole,
    steps: list(
      object(
        {
          name: text,
          phase: stepPhase,
          exitCode: whole,
          startTime: time,
          completionTime: time,
          message: text,
          output: text,
          outputBytes: count,
          outputTruncated: flag,
        },
        ['name', 'phase'],
      ),
    ),
  }),
  columns: [
    { name: 'Host', type: 'string', jsonPath: '.spec.host' },
    { name: 'Status', type: 'string', jsonPath: '.status.phase' },
    { name: 'Exit', type: 'integer', jsonPath: '.status.exitCode' },
    { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1 },
  ],
});
