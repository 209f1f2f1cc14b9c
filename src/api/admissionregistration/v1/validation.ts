import { isDns1123Subdomain } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { checkChoice, checkRequiredChoice } from '../../field-checks.ts';
import {
  duplicate,
  FieldPath,
  invalidEach,
  invalidValue,
  notSupported,
  required,
  specPath,
} from '../../field-errors.ts';
import { validateLabelSelector } from '../../label-validation.ts';
import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingWebhook,
  RuleWithOperations,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhook,
  WebhookClientConfig,
} from './types.generated.ts';

const webhooksPath = new FieldPath('webhooks');
const failurePolicies = ['Fail', 'Ignore'];
const matchPolicies = ['Equivalent', 'Exact'];
const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const ruleScopes = ['*', 'Cluster', 'Namespaced'];
const timeoutSecondsMax = 30;

export function validateWebhooks(webhooks: readonly (MutatingWebhook | ValidatingWebhook)[] | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  webhooks?.forEach((webhook, index) => {
    const path = webhooksPath.index(index);
    checkWebhook(errors, path, webhook);
    if (names.has(webhook.name)) errors.push(duplicate(path.child('name'), webhook.name));
    names.add(webhook.name);
  });
  return errors;
}

function checkWebhook(errors: FieldError[], path: FieldPath, webhook: MutatingWebhook | ValidatingWebhook): void {
  const { name = '', timeoutSeconds } = webhook;
  const namePath = path.child('name');
  if (name === '') errors.push(required(namePath));
  else {
    invalidEach(errors, namePath, name, isDns1123Subdomain(name));
    if (name.split('.').length < 3) {
      errors.push(invalidValue(namePath, name, 'should be a domain with at least three segments separated by dots'));
    }
  }
  const versionsPath = path.child('admissionReviewVersions');
  const versions = webhook.admissionReviewVersions ?? [];
  if (versions.length === 0) {
    errors.push(required(versionsPath, 'must specify one of v1, v1beta1'));
  } else if (!versions.some((version) => version === 'v1' || version === 'v1beta1')) {
    errors.push(invalidValue(versionsPath, versions, 'must include at least one of v1, v1beta1'));
  }
  webhook.rules?.forEach((rule, index) => {
    checkRule(errors, path.at('rules', index), rule);
  });
  checkChoice(errors, path.child('failurePolicy'), webhook.failurePolicy, failurePolicies);
  checkChoice(errors, path.child('matchPolicy'), webhook.matchPolicy, matchPolicies);
  if (webhook.sideEffects === undefined) {
    errors.push(required(path.child('sideEffects'), 'must specify one of None, NoneOnDryRun'));
  } else checkChoice(errors, path.child('sideEffects'), webhook.sideEffects, ['None', 'NoneOnDryRun']);
  if (timeoutSeconds !== undefined && (timeoutSeconds > timeoutSecondsMax || timeoutSeconds < 1)) {
    const detail = 'the timeout value must be between 1 and 30 seconds';
    errors.push(invalidValue(path.child('timeoutSeconds'), timeoutSeconds, detail));
  }
  if ('reinvocationPolicy' in webhook) {
    checkChoice(errors, path.child('reinvocationPolicy'), webhook.reinvocationPolicy, ['IfNeeded', 'Never']);
  }
  validateLabelSelector(webhook.namespaceSelector, path.child('namespaceSelector'), errors);
  validateLabelSelector(webhook.objectSelector, path.child('objectSelector'), errors);
  checkClientConfig(errors, path.child('clientConfig'), webhook.clientConfig ?? {});
}

function checkRule(errors: FieldError[], path: FieldPath, rule: RuleWithOperations): void {
  for (const field of ['operations', 'apiGroups', 'apiVersions', 'resources'] as const) {
    if ((rule[field]?.length ?? 0) === 0) errors.push(required(path.child(field)));
  }
  rule.operations?.forEach((operation, index) => {
    const at = path.at('operations', index);
    if (!operations.includes(operation)) errors.push(notSupported(at, operation, operations));
  });
  if ((rule.operations?.length ?? 0) > 1 && rule.operations?.includes('*') === true) {
    const detail = "if '*' is present, must not specify other operations";
    errors.push(invalidValue(path.child('operations'), rule.operations, detail));
  }
  checkChoice(errors, path.child('scope'), rule.scope, ruleScopes);
}

function checkClientConfig(errors: FieldError[], path: FieldPath, { url, service }: WebhookClientConfig): void {
  if ((url === undefined) === (service === undefined)) {
    errors.push(required(path, 'exactly one of url or service is required'));
    return;
  }
  if (url !== undefined && !url.startsWith('https://')) {
    const detail = `'https' is the only allowed URL scheme; desired format: https://host[/path]`;
    errors.push(invalidValue(path.child('url'), url, detail));
  }
  if (service === undefined) return;
  const servicePath = path.child('service');
  if ((service.name ?? '') === '') errors.push(required(servicePath.child('name'), 'service name is required'));
  if ((service.namespace ?? '') === '') {
    errors.push(required(servicePath.child('namespace'), 'service namespace is required'));
  }
}

export function validateValidatingPolicy({ spec }: ValidatingAdmissionPolicy): FieldError[] {
  const errors: FieldError[] = [];
  checkChoice(errors, specPath.child('failurePolicy'), spec.failurePolicy, failurePolicies);
  checkConstraints(errors, spec.matchConstraints);
  const validations = spec.validations ?? [];
  if (validations.length === 0 && (spec.auditAnnotations?.length ?? 0) === 0) {
    errors.push(required(specPath.child('validations'), 'validations or auditAnnotations must be non-empty'));
  }
  validations.forEach(({ expression }, index) => {
    const path = specPath.at('validations', index).child('expression');
    if ((expression ?? '').trim() === '') errors.push(required(path, 'expression is not specified'));
  });
  return errors;
}

export function validateMutatingPolicy({ spec }: MutatingAdmissionPolicy): FieldError[] {
  const errors: FieldError[] = [];
  checkChoice(errors, specPath.child('failurePolicy'), spec.failurePolicy, failurePolicies);
  checkConstraints(errors, spec.matchConstraints);
  const mutationsPath = specPath.child('mutations');
  if ((spec.mutations?.length ?? 0) === 0) errors.push(required(mutationsPath));
  spec.mutations?.forEach(({ patchType }, index) => {
    const path = mutationsPath.index(index).child('patchType');
    checkRequiredChoice(errors, path, patchType, ['ApplyConfiguration', 'JSONPatch']);
  });
  checkRequiredChoice(errors, specPath.child('reinvocationPolicy'), spec.reinvocationPolicy, ['IfNeeded', 'Never']);
  return errors;
}

function checkConstraints(errors: FieldError[], match: MatchResources | undefined): void {
  const path = specPath.child('matchConstraints');
  if (match === undefined) {
    errors.push(required(path));
    return;
  }
  if ((match.resourceRules?.length ?? 0) === 0) errors.push(required(path.child('resourceRules')));
  match.resourceRules?.forEach((rule, index) => {
    checkRule(errors, path.at('resourceRules', index), rule);
  });
  checkChoice(errors, path.child('matchPolicy'), match.matchPolicy, matchPolicies);
  checkSelectors(errors, path, match);
}

function checkSelectors(errors: FieldError[], path: FieldPath, match: MatchResources): void {
  validateLabelSelector(match.namespaceSelector, path.child('namespaceSelector'), errors);
  validateLabelSelector(match.objectSelector, path.child('objectSelector'), errors);
}

export function validatePolicyBinding({ spec }: ValidatingAdmissionPolicyBinding): FieldError[] {
  const errors = validateBindingSpec(spec);
  const path = specPath.child('validationActions');
  const actions = spec.validationActions ?? [];
  if (actions.length === 0) errors.push(required(path, 'at least one validation action is required'));
  actions.forEach((action, index) => {
    checkChoice(errors, path.index(index), action, ['Audit', 'Deny', 'Warn']);
  });
  if (actions.includes('Deny') && actions.includes('Warn')) {
    errors.push(
      invalidValue(
        path,
        actions,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  }
  return errors;
}

export function validateBindingSpec(spec: { policyName?: string; matchResources?: MatchResources }): FieldError[] {
  const errors: FieldError[] = [];
  if ((spec.policyName ?? '') === '') errors.push(required(specPath.child('policyName')));
  if (spec.matchResources !== undefined) checkSelectors(errors, specPath.child('matchResources'), spec.matchResources);
  return errors;
}
