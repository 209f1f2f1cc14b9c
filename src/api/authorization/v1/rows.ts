import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';

/** Reviews are answered, never stored. */
const review = {
  group: 'authorization.k8s.io',
  version: 'v1',
  namespaced: false,
  verbs: ['create'],
  virtual: true,
} as const;

export const authorizationResources: readonly ResourceDefinition[] = [
  defineResource({
    ...review,
    kind: 'LocalSubjectAccessReview',
    resource: 'localsubjectaccessreviews',
    namespaced: true,
    schema: 'authorization/v1.LocalSubjectAccessReview',
  }),
  defineResource({
    ...review,
    kind: 'SelfSubjectAccessReview',
    resource: 'selfsubjectaccessreviews',
    schema: 'authorization/v1.SelfSubjectAccessReview',
  }),
  defineResource({
    ...review,
    kind: 'SelfSubjectRulesReview',
    resource: 'selfsubjectrulesreviews',
    schema: 'authorization/v1.SelfSubjectRulesReview',
  }),
  defineResource({
    ...review,
    kind: 'SubjectAccessReview',
    resource: 'subjectaccessreviews',
    schema: 'authorization/v1.SubjectAccessReview',
  }),
];
