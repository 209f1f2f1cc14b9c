import type { FieldError } from '../../../machinery/status-error.ts';
import { containerImages, containerNames, selectorCell } from '../../apps/v1/columns.ts';
import { ageCell, ageColumn, column, nameColumn } from '../../columns.ts';
import { applyPodTemplateDefaults } from '../../core/v1/pod-defaults.ts';
import { podTemplateWarnings } from '../../core/v1/pod-warnings.ts';
import { checkNonnegative, checkRequiredChoice } from '../../field-checks.ts';
import { type FieldPath, invalidValue, metadataPath, notSupported, required, specPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { parseCronSchedule } from './cron-schedule.ts';
import { checkJobSpec } from './job-validation.ts';
import type { CronJob } from './types.generated.ts';

/** Jobs are named after their CronJob and eleven more characters, and must still fit a label. */
const nameLengthMax = 52;
const templatePath = specPath.child('jobTemplate').child('spec').child('template').child('spec');

export const cronJobResource: ResourceDefinition = defineResource<CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  resource: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  schema: 'batch/v1.CronJob',
  columns: [
    nameColumn,
    column<CronJob>('Schedule', ({ spec }) => spec.schedule),
    column<CronJob>('Timezone', ({ spec }) => spec.timeZone ?? '<none>'),
    column<CronJob>('Suspend', ({ spec }) => printBoolean(spec.suspend), { type: 'boolean' }),
    column<CronJob>('Active', ({ status }) => status?.active?.length ?? 0, { type: 'integer' }),
    column<CronJob>('Last Schedule', ({ status }, now) =>
      status?.lastScheduleTime === undefined ? '<none>' : ageCell(status.lastScheduleTime, now),
    ),
    ageColumn,
    column<CronJob>('Containers', ({ spec }) => containerNames(spec.jobTemplate.spec?.template), { wide: true }),
    column<CronJob>('Images', ({ spec }) => containerImages(spec.jobTemplate.spec?.template), { wide: true }),
    column<CronJob>('Selector', ({ spec }) => selectorCell(spec.jobTemplate.spec?.selector), { wide: true }),
  ],
  generation: ['spec'],
  statusSubresource: true,
  defaultPropagation: 'background',
  defaults: applyDefaults,
  validate(cronJob) {
    const errors = validateCronJob(cronJob);
    if (cronJob.metadata.name.length > nameLengthMax) {
      const detail = `must be no more than ${nameLengthMax} characters`;
      errors.push(invalidValue(metadataPath.child('name'), cronJob.metadata.name, detail));
    }
    return errors;
  },
  validateUpdate: (cronJob) => validateCronJob(cronJob),
  warnings: cronJobWarnings,
});

function cronJobWarnings({ metadata, spec }: CronJob, old?: CronJob): string[] {
  if (old !== undefined && old.metadata.generation === metadata.generation) return [];
  return podTemplateWarnings(spec.jobTemplate.spec?.template?.spec, templatePath);
}

/** The cell kubectl prints for a bool: `True` or `False`. */
function printBoolean(value: boolean | undefined): string {
  if (value === undefined) return '<unset>';
  return value ? 'True' : 'False';
}

function applyDefaults(cronJob: CronJob): void {
  cronJob.spec ??= { schedule: '', jobTemplate: {} };
  const { spec } = cronJob;
  spec.jobTemplate ??= {};
  spec.concurrencyPolicy ??= 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  applyPodTemplateDefaults(spec.jobTemplate.spec?.template);
}

function validateCronJob({ spec }: CronJob): FieldError[] {
  const errors: FieldError[] = [];
  const schedulePath = specPath.child('schedule');
  if ((spec.schedule ?? '') === '') errors.push(required(schedulePath));
  else checkSchedule(errors, schedulePath, spec.schedule, spec.timeZone);
  checkNonnegative(errors, specPath.child('startingDeadlineSeconds'), spec.startingDeadlineSeconds);
  checkTimeZone(errors, specPath.child('timeZone'), spec.timeZone);
  const policies = ['Allow', 'Forbid', 'Replace'];
  checkRequiredChoice(errors, specPath.child('concurrencyPolicy'), spec.concurrencyPolicy, policies);
  const jobPath = specPath.child('jobTemplate').child('spec');
  const jobSpec = spec.jobTemplate.spec;
  if (jobSpec !== undefined) checkJobSpec(errors, jobPath, jobSpec);
  if (jobSpec?.selector !== undefined) {
    errors.push(invalidValue(jobPath.child('selector'), jobSpec.selector, '`selector` will be auto-generated'));
  }
  if (jobSpec?.manualSelector === true) {
    errors.push(notSupported(jobPath.child('manualSelector'), true, ['nil', 'false']));
  }
  checkNonnegative(errors, specPath.child('successfulJobsHistoryLimit'), spec.successfulJobsHistoryLimit);
  checkNonnegative(errors, specPath.child('failedJobsHistoryLimit'), spec.failedJobsHistoryLimit);
  return errors;
}

function checkSchedule(errors: FieldError[], path: FieldPath, schedule: string, timeZone: string | undefined): void {
  if (schedule.includes('TZ')) {
    const detail =
      timeZone === undefined
        ? 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'
        : 'cannot use both timeZone field and TZ or CRON_TZ in schedule';
    errors.push(invalidValue(path, schedule, detail));
    return;
  }
  try {
    parseCronSchedule(schedule);
  } catch (error) {
    errors.push(invalidValue(path, schedule, error instanceof Error ? error.message : String(error)));
  }
}

function checkTimeZone(errors: FieldError[], path: FieldPath, timeZone: string | undefined): void {
  if (timeZone === undefined) return;
  if (timeZone === '') errors.push(invalidValue(path, timeZone, 'must be nil or non-empty string'));
  else if (timeZone.toLowerCase() === 'local') {
    const detail = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    errors.push(invalidValue(path, timeZone, detail));
  } else if (!isTimeZone(timeZone)) errors.push(invalidValue(path, timeZone, `unknown time zone ${timeZone}`));
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    // The constructor is the platform's only test of a zone's name.
    return false;
  }
}
