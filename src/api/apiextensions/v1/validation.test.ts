import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fieldErrorMessage } from '../../../machinery/status-error.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps } from './types.generated.ts';
import { validateCustomResourceDefinition } from './validation.ts';

const root = 'spec.versions[0].schema.openAPIV3Schema';

function definition(
  schema: JSONSchemaProps,
  version: Partial<CustomResourceDefinitionVersion> = {},
  rest: Partial<CustomResourceDefinition['spec']> = {},
): CustomResourceDefinition {
  const group = rest.group ?? 'example.com';
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, ...version }],
      conversion: { strategy: 'None' },
      ...rest,
    },
  };
}

function errorsOf(subject: CustomResourceDefinition): string[] {
  return validateCustomResourceDefinition(subject).map((error) => `${error.field}: ${fieldErrorMessage(error)}`);
}

const inSpec = (spec: JSONSchemaProps): JSONSchemaProps => ({ type: 'object', properties: { a: spec } });
const at = `${root}.properties[a]`;
const items: JSONSchemaProps = { type: 'object', properties: { k: { type: 'string' } } };

describe('a structural schema', () => {
  const cases: [string, JSONSchemaProps, string[]][] = [
    ['is accepted', inSpec({ type: 'array', items: { type: 'string' } }), []],
    [
      'may say that a value is an integer or a string',
      inSpec({ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }),
      [],
    ],
    ['has a type at the root', {}, [`${root}.type: Required value: must not be empty at the root`]],
    ['has a type in fields', inSpec({}), [`${at}.type: Required value: must not be empty for specified object fields`]],
    [
      'has a type in items',
      inSpec({ type: 'array', items: {} }),
      [`${at}.items.type: Required value: must not be empty for specified array items`],
    ],
    ['says what is in a list', inSpec({ type: 'array' }), [`${at}.items: Required value: must be specified`]],
    [
      'names fields or gives their common type',
      inSpec({ type: 'object', properties: { b: { type: 'string' } }, additionalProperties: { type: 'string' } }),
      [`${at}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`],
    ],
    [
      'keeps types out of alternatives',
      inSpec({ type: 'string', anyOf: [{ type: 'object', default: {} }] }),
      [
        `${at}.anyOf[0].type: Forbidden: must be empty to be structural`,
        `${at}.anyOf[0].default: Forbidden: must be empty to be structural`,
      ],
    ],
    [
      'does not ask for unique items',
      inSpec({ type: 'array', uniqueItems: true, items: { type: 'string' } }),
      [
        `${at}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
      ],
    ],
    ['does not refer', inSpec({ type: 'string', $ref: '#/x' }), [`${at}.$ref: Forbidden: $ref is not supported`]],
    [
      'has keys that are there',
      inSpec({ type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k', 'no'], items }),
      [
        `${at}.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
        `${at}.x-kubernetes-list-map-keys[1]: Invalid value: "no": entries must all be names of item properties`,
      ],
    ],
    [
      'leaves the metadata alone',
      { type: 'object', properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } },
      [
        `${root}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
      ],
    ],
  ];
  for (const [name, schema, expected] of cases) {
    it(name, () => assert.deepEqual(errorsOf(definition(schema)), expected));
  }

  it('has patterns that compile', () => {
    const [error = ''] = errorsOf(definition(inSpec({ type: 'string', pattern: '(' })));
    assert.match(error, /\.pattern: Invalid value: "\(": must be a valid regular expression, but isn't/);
  });
});

describe('a definition', () => {
  const schema: JSONSchemaProps = { type: 'object' };
  const clientConfig = { url: 'https://example.com/convert' };
  const cases: [string, CustomResourceDefinition, string[]][] = [
    [
      'scales by paths under spec and status',
      definition(schema, {
        subresources: { scale: { specReplicasPath: '.status.replicas', statusReplicasPath: '.status.replicas' } },
      }),
      [
        'spec.versions[0].subresources.scale.specReplicasPath: Invalid value: ".status.replicas": should be a json path under .spec',
      ],
    ],
    [
      'names its webhook',
      definition(schema, {}, { conversion: { strategy: 'Webhook' } }),
      [
        'spec.conversion.webhook.clientConfig: Required value: required when strategy is set to Webhook',
        'spec.conversion.webhook.conversionReviewVersions: Required value',
      ],
    ],
    [
      'converts by a webhook',
      definition(
        schema,
        {},
        { conversion: { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } } },
      ),
      [],
    ],
    [
      'in a group of upstream needs approval',
      definition(schema, {}, { group: 'things.k8s.io' }),
      [
        'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ],
    ],
    [
      'warns of versions that are deprecated only',
      definition(schema, { deprecationWarning: 'old' }),
      ['spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions'],
    ],
  ];
  for (const [name, subject, expected] of cases) {
    it(name, () => assert.deepEqual(errorsOf(subject), expected));
  }
});
