import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';

/** Reviews are answered, never stored. */
const review = {
  group: 'authentication.k8s.io',
  version: 'v1',
  namespaced: false,
  verbs: ['create'],
  virtual: true,
} as const;

export const authenticationResources: readonly ResourceDefinition[] = [
  defineResource({
    ...review,
    kind: 'SelfSubjectReview',
    resource: 'selfsubjectreviews',
    schema: 'authentication/v1.SelfSubjectReview',
  }),
  defineResource({ ...review, kind: 'TokenReview', resource: 'tokenreviews', schema: 'authentication/v1.TokenReview' }),
];
