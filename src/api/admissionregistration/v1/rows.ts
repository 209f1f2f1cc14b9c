import { ageColumn, column, nameColumn } from '../../columns.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { applyMatchDefaults, applyPolicyDefaults, applyWebhookDefaults } from './defaults.ts';
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from './types.generated.ts';
import {
  validateBindingSpec,
  validateMutatingPolicy,
  validatePolicyBinding,
  validateValidatingPolicy,
  validateWebhooks,
} from './validation.ts';

const shared = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  namespaced: false,
  categories: ['api-extensions'],
} as const;

export const admissionregistrationResources: readonly ResourceDefinition[] = [
  defineResource<MutatingAdmissionPolicy>({
    ...shared,
    kind: 'MutatingAdmissionPolicy',
    resource: 'mutatingadmissionpolicies',
    schema: 'admissionregistration/v1.MutatingAdmissionPolicy',
    columns: [
      nameColumn,
      column<MutatingAdmissionPolicy>('Mutations', ({ spec }) => spec.mutations?.length ?? 0, { type: 'integer' }),
      column<MutatingAdmissionPolicy>('ParamKind', ({ spec }) => paramKindCell(spec.paramKind)),
      ageColumn,
    ],
    generation: ['spec'],
    defaults: applyPolicyDefaults,
    validate: validateMutatingPolicy,
  }),
  defineResource<MutatingAdmissionPolicyBinding>({
    ...shared,
    kind: 'MutatingAdmissionPolicyBinding',
    resource: 'mutatingadmissionpolicybindings',
    schema: 'admissionregistration/v1.MutatingAdmissionPolicyBinding',
    columns: [
      nameColumn,
      column<MutatingAdmissionPolicyBinding>('PolicyName', ({ spec }) => spec.policyName ?? ''),
      column<MutatingAdmissionPolicyBinding>('ParamRef', ({ spec }) => paramRefCell(spec.paramRef)),
      ageColumn,
    ],
    generation: ['spec'],
    defaults(binding) {
      binding.spec ??= {};
      applyMatchDefaults(binding.spec.matchResources);
    },
    validate: ({ spec }) => validateBindingSpec(spec),
  }),
  defineResource<MutatingWebhookConfiguration>({
    ...shared,
    kind: 'MutatingWebhookConfiguration',
    resource: 'mutatingwebhookconfigurations',
    schema: 'admissionregistration/v1.MutatingWebhookConfiguration',
    columns: [
      nameColumn,
      column<MutatingWebhookConfiguration>('Webhooks', ({ webhooks }) => webhooks?.length ?? 0, { type: 'integer' }),
      ageColumn,
    ],
    generation: ['webhooks'],
    defaults({ webhooks }) {
      for (const webhook of webhooks ?? []) {
        applyWebhookDefaults(webhook);
        webhook.reinvocationPolicy ??= 'Never';
      }
    },
    validate: ({ webhooks }) => validateWebhooks(webhooks),
  }),
  defineResource<ValidatingAdmissionPolicy>({
    ...shared,
    kind: 'ValidatingAdmissionPolicy',
    resource: 'validatingadmissionpolicies',
    schema: 'admissionregistration/v1.ValidatingAdmissionPolicy',
    columns: [
      nameColumn,
      column<ValidatingAdmissionPolicy>('Validations', ({ spec }) => spec.validations?.length ?? 0, {
        type: 'integer',
      }),
      column<ValidatingAdmissionPolicy>('ParamKind', ({ spec }) => paramKindCell(spec.paramKind)),
      ageColumn,
    ],
    generation: ['spec'],
    statusSubresource: true,
    defaults: applyPolicyDefaults,
    validate: validateValidatingPolicy,
  }),
  defineResource<ValidatingAdmissionPolicyBinding>({
    ...shared,
    kind: 'ValidatingAdmissionPolicyBinding',
    resource: 'validatingadmissionpolicybindings',
    schema: 'admissionregistration/v1.ValidatingAdmissionPolicyBinding',
    columns: [
      nameColumn,
      column<ValidatingAdmissionPolicyBinding>('PolicyName', ({ spec }) => spec.policyName),
      column<ValidatingAdmissionPolicyBinding>('ParamRef', ({ spec }) => paramRefCell(spec.paramRef)),
      ageColumn,
    ],
    generation: ['spec'],
    defaults(binding) {
      binding.spec ??= { policyName: '', validationActions: [] };
      applyMatchDefaults(binding.spec.matchResources);
    },
    validate: validatePolicyBinding,
  }),
  defineResource<ValidatingWebhookConfiguration>({
    ...shared,
    kind: 'ValidatingWebhookConfiguration',
    resource: 'validatingwebhookconfigurations',
    schema: 'admissionregistration/v1.ValidatingWebhookConfiguration',
    columns: [
      nameColumn,
      column<ValidatingWebhookConfiguration>('Webhooks', ({ webhooks }) => webhooks?.length ?? 0, { type: 'integer' }),
      ageColumn,
    ],
    generation: ['webhooks'],
    defaults({ webhooks }) {
      for (const webhook of webhooks ?? []) applyWebhookDefaults(webhook);
    },
    validate: ({ webhooks }) => validateWebhooks(webhooks),
  }),
];

function paramKindCell(kind: ParamKind | undefined): string {
  return kind === undefined ? '<unset>' : `${kind.apiVersion ?? ''}/${kind.kind ?? ''}`;
}

function paramRefCell(ref: ParamRef | undefined): string {
  if (ref === undefined) return '<unset>';
  if ((ref.namespace ?? '') !== '') return `${ref.namespace}/${ref.name ?? '*'}`;
  return ref.name ?? '*';
}
