import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingWebhook,
  ValidatingAdmissionPolicy,
  ValidatingWebhook,
} from './types.generated.ts';

const timeoutSeconds = 10;

export function applyWebhookDefaults(webhook: MutatingWebhook | ValidatingWebhook): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= timeoutSeconds;
  for (const rule of webhook.rules ?? []) rule.scope ??= '*';
  const service = webhook.clientConfig?.service;
  if (service !== undefined) service.port ??= 443;
}

export function applyPolicyDefaults(policy: MutatingAdmissionPolicy | ValidatingAdmissionPolicy): void {
  policy.spec ??= {};
  const { spec } = policy;
  spec.failurePolicy ??= 'Fail';
  applyMatchDefaults(spec.matchConstraints);
}

export function applyMatchDefaults(match: MatchResources | undefined): void {
  if (match === undefined) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*';
}
