import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clone } from '../../../machinery/json.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { fieldErrorMessage } from '../../../machinery/status-error.ts';
import { jobResource } from './job.ts';
import type { Job } from './types.generated.ts';

const { strategy, columns } = jobResource;
const uid = '8d2f1a50-0b1e-4c6e-9f5e-2f2f5bb0c001';

function job(change: (object: Job) => void = () => undefined): Job & UnknownObject {
  const object: Job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'pi', namespace: 'default', uid },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'pi', image: 'perl:5' }] } } },
  };
  change(object);
  const made: Job & UnknownObject = { ...object };
  strategy.applyDefaults(made);
  strategy.prepareForCreate(made);
  return made;
}

const texts = (errors: ReturnType<typeof strategy.validate>): string[] =>
  errors.map((error) => `${error.field}: ${fieldErrorMessage(error)}`);

describe('job strategy', () => {
  it('generates a selector and the labels that it selects', () => {
    const { spec, metadata } = job();
    assert.deepEqual(spec.selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } });
    assert.equal(spec.template.metadata?.labels?.['job-name'], 'pi');
    assert.equal(metadata.labels?.['controller-uid'], uid);
    assert.equal(spec.completions, 1);
    assert.equal(spec.backoffLimit, 6);
    assert.deepEqual(texts(strategy.validate(job())), []);
  });

  it('leaves a selector alone that the user manages', () => {
    const { spec } = job((object) => {
      object.spec.manualSelector = true;
      object.spec.selector = { matchLabels: { a: 'b' } };
      object.spec.template.metadata = { name: '', labels: { a: 'b' } };
    });
    assert.deepEqual(spec.selector, { matchLabels: { a: 'b' } });
    assert.deepEqual(spec.template.metadata?.labels, { a: 'b' });
  });

  const cases: [name: string, change: (object: Job) => void, expected: string[]][] = [
    [
      'a template that always restarts',
      ({ spec }) => {
        delete spec.template.spec?.restartPolicy;
      },
      ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ],
    [
      'an indexed job without completions',
      ({ spec }) => {
        spec.completionMode = 'Indexed';
        spec.parallelism = 2;
      },
      ['spec.completions: Required value: when completion mode is Indexed'],
    ],
    [
      'a backoff limit per index of a job without indexes',
      ({ spec }) => {
        spec.backoffLimitPerIndex = 1;
      },
      ['spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode'],
    ],
    [
      'a failure policy of pods that restart',
      ({ spec }) => {
        spec.podFailurePolicy = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] };
        if (spec.template.spec !== undefined) spec.template.spec.restartPolicy = 'OnFailure';
      },
      [
        'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
      ],
    ],
  ];
  for (const [name, change, expected] of cases) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(texts(strategy.validate(job(change))), expected);
    });
  }

  it('lets an update suspend, and not change the template', () => {
    const old = job();
    const suspended = clone(old);
    suspended.spec.suspend = true;
    assert.deepEqual(strategy.validateUpdate(suspended, old), []);
    const changed = clone(old);
    if (changed.spec.template.spec?.containers[0] !== undefined)
      changed.spec.template.spec.containers[0].image = 'perl:6';
    assert.deepEqual(
      strategy.validateUpdate(changed, old).map(({ field, detail }) => `${field}: ${detail}`),
      ['spec.template: field is immutable'],
    );
  });

  it('lets a suspended job that never started change where its pods go', () => {
    const old = job(({ spec }) => {
      spec.suspend = true;
    });
    const changed = clone(old);
    if (changed.spec.template.spec !== undefined) changed.spec.template.spec.nodeSelector = { zone: 'a' };
    assert.deepEqual(strategy.validateUpdate(changed, old), []);
  });

  it('prints status, completions and duration', () => {
    const object = job(({ spec }) => {
      spec.completions = 3;
    });
    object.status = {
      succeeded: 3,
      startTime: '2026-01-01T00:00:00Z',
      completionTime: '2026-01-01T00:00:25Z',
      conditions: [{ type: 'Complete', status: 'True' }],
    };
    const shown = columns.slice(1, 4).map((column) => column.value(object, Date.parse('2026-01-02T00:00:00Z')));
    assert.deepEqual(shown, ['Complete', '3/3', '25s']);
  });
});
