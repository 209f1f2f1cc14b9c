import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clone } from '../../../machinery/json.ts';
import { fieldErrorMessage } from '../../../machinery/status-error.ts';
import { deploymentResource } from './deployment.ts';
import type { Deployment } from './types.generated.ts';

const { strategy, columns } = deploymentResource;

function deployment(change: (object: Deployment) => void = () => undefined): Deployment {
  const object: Deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { name: '', labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'nginx:1.29' }] },
      },
    },
  };
  const read = object as Deployment & { [field: string]: unknown };
  strategy.applyDefaults(read);
  strategy.prepareForCreate(read);
  change(object);
  return object;
}

const untyped = (object: Deployment): Deployment & { [field: string]: unknown } => ({ ...object });
const texts = (object: Deployment, old?: Deployment): string[] => {
  const errors =
    old === undefined ? strategy.validate(untyped(object)) : strategy.validateUpdate(untyped(object), untyped(old));
  return errors.map((error) => `${error.field}: ${fieldErrorMessage(error)}`);
};

describe('deployment strategy', () => {
  it('gives upstream defaults and the first generation', () => {
    const { spec, metadata } = deployment();
    assert.equal(spec.replicas, 1);
    assert.equal(spec.revisionHistoryLimit, 10);
    assert.equal(spec.progressDeadlineSeconds, 600);
    assert.deepEqual(spec.strategy, {
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' },
    });
    assert.equal(spec.template.spec?.restartPolicy, 'Always');
    assert.equal(metadata.generation, 1);
  });

  it('accepts what it has defaulted', () => {
    assert.deepEqual(texts(deployment()), []);
  });

  const cases: [name: string, change: (object: Deployment) => void, expected: string][] = [
    [
      'negative replicas',
      ({ spec }) => {
        spec.replicas = -1;
      },
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'an empty selector',
      ({ spec }) => {
        spec.selector = {};
      },
      'spec.selector: Invalid value: {}: empty selector is invalid for deployment',
    ],
    [
      'a selector that misses the template',
      ({ spec }) => {
        spec.selector = { matchLabels: { app: 'other' } };
      },
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ],
    [
      'a template that does not restart',
      ({ spec }) => {
        if (spec.template.spec !== undefined) spec.template.spec.restartPolicy = 'Never';
      },
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
    [
      'no pod missing and none extra',
      ({ spec }) => {
        spec.strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: '0%' } };
      },
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
    ],
    [
      'parameters of another strategy',
      ({ spec }) => {
        spec.strategy = { type: 'Recreate', rollingUpdate: {} };
      },
      "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ],
    [
      'a deadline before pods can be ready',
      ({ spec }) => {
        spec.minReadySeconds = 600;
      },
      'spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds',
    ],
  ];
  for (const [name, change, expected] of cases) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(texts(deployment(change)), [expected]);
    });
  }

  it('refuses another selector on update', () => {
    const change = ({ spec }: Deployment): void => {
      spec.selector = { matchLabels: { app: 'api' } };
      spec.template.metadata = { name: '', labels: { app: 'api' } };
    };
    assert.deepEqual(texts(deployment(change), deployment()), [
      'spec.selector: Invalid value: {"matchLabels":{"app":"api"}}: field is immutable',
    ]);
  });

  it('raises the generation with spec and annotations, and not with labels', () => {
    const old = untyped(deployment());
    const generationAfter = (change: (object: Deployment) => void): number | undefined => {
      const object = clone(old);
      change(object);
      strategy.prepareForUpdate(object, old);
      return object.metadata.generation;
    };
    assert.equal(
      generationAfter(({ spec }) => {
        spec.replicas = 5;
      }),
      2,
    );
    assert.equal(
      generationAfter(({ metadata }) => {
        metadata.annotations = { note: 'x' };
      }),
      2,
    );
    assert.equal(
      generationAfter(({ metadata }) => {
        metadata.labels = { tier: 'x' };
      }),
      1,
    );
  });

  it('keeps the generation when a client leaves out what was defaulted', () => {
    const old = untyped(deployment());
    const object = clone(old);
    delete object.spec.replicas;
    delete object.spec.strategy;
    strategy.applyDefaults(object);
    strategy.prepareForUpdate(object, old);
    assert.equal(object.metadata.generation, 1);
  });

  it('prints the cells of kubectl', () => {
    const object = untyped(deployment());
    object.status = { readyReplicas: 1, updatedReplicas: 2, availableReplicas: 1 };
    object.metadata.creationTimestamp = '2026-01-01T00:00:00Z';
    const now = Date.parse('2026-01-01T00:03:00Z');
    const cells = columns.map((column) => [column.name, column.value(object, now)]);
    assert.deepEqual(cells, [
      ['Name', 'web'],
      ['Ready', '1/1'],
      ['Up-to-date', 2],
      ['Available', 1],
      ['Age', '3m'],
      ['Containers', 'web'],
      ['Images', 'nginx:1.29'],
      ['Selector', 'app=web'],
    ]);
  });
});
