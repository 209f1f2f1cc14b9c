import { equal } from '../../../machinery/json.ts';
import { isDns1123Subdomain, isPathSegmentName } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { FieldPath, invalidEach, invalidValue, notSupported, required } from '../../field-errors.ts';
import { validateLabelSelector } from '../../label-validation.ts';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from './types.generated.ts';

type Binding = ClusterRoleBinding | RoleBinding;

const rbacGroup = 'rbac.authorization.k8s.io';
const rulesPath = new FieldPath('rules');
const roleRefPath = new FieldPath('roleRef');
const subjectsPath = new FieldPath('subjects');

/** The API group that a reference without one means. */
export function applyBindingDefaults(binding: Binding): void {
  binding.roleRef ??= { apiGroup: rbacGroup, kind: '', name: '' };
  if (!isSet(binding.roleRef.apiGroup)) binding.roleRef.apiGroup = rbacGroup;
  for (const subject of binding.subjects ?? []) {
    if (!isSet(subject.apiGroup) && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = rbacGroup;
  }
}

export function validateRole({ rules }: Role): FieldError[] {
  const errors: FieldError[] = [];
  rules?.forEach((rule, index) => {
    checkRule(errors, rulesPath.index(index), rule, true);
  });
  return errors;
}

export function validateClusterRole({ rules, aggregationRule }: ClusterRole): FieldError[] {
  const errors: FieldError[] = [];
  rules?.forEach((rule, index) => {
    checkRule(errors, rulesPath.index(index), rule, false);
  });
  if (aggregationRule === undefined) return errors;
  const path = new FieldPath('aggregationRule').child('clusterRoleSelectors');
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) {
    errors.push(required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  }
  selectors.forEach((selector, index) => {
    validateLabelSelector(selector, path.index(index), errors);
  });
  return errors;
}

function checkRule(errors: FieldError[], path: FieldPath, rule: PolicyRule, isNamespaced: boolean): void {
  if (isNone(rule.verbs)) errors.push(required(path.child('verbs'), 'verbs must contain at least one value'));
  if (!isNone(rule.nonResourceURLs)) {
    const at = path.child('nonResourceURLs');
    if (isNamespaced) {
      errors.push(invalidValue(at, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    }
    if (!isNone(rule.apiGroups) || !isNone(rule.resources) || !isNone(rule.resourceNames)) {
      const detail = 'rules cannot apply to both regular resources and non-resource URLs';
      errors.push(invalidValue(at, rule.nonResourceURLs, detail));
    }
    return;
  }
  if (isNone(rule.apiGroups)) {
    errors.push(required(path.child('apiGroups'), 'resource rules must supply at least one api group'));
  }
  if (isNone(rule.resources)) {
    errors.push(required(path.child('resources'), 'resource rules must supply at least one resource'));
  }
}

export function validateBinding({ roleRef, subjects }: Binding, isNamespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (roleRef?.apiGroup !== rbacGroup) {
    errors.push(notSupported(roleRefPath.child('apiGroup'), roleRef?.apiGroup ?? '', [rbacGroup]));
  }
  const kinds = isNamespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(roleRef?.kind ?? '')) {
    errors.push(notSupported(roleRefPath.child('kind'), roleRef?.kind ?? '', [...kinds].sort()));
  }
  const namePath = roleRefPath.child('name');
  if (!isSet(roleRef?.name)) errors.push(required(namePath));
  else invalidEach(errors, namePath, roleRef.name, isPathSegmentName(roleRef.name));
  subjects?.forEach((subject, index) => {
    checkSubject(errors, subjectsPath.index(index), subject);
  });
  return errors;
}

export function validateBindingUpdate(binding: Binding, old: Binding, isNamespaced: boolean): FieldError[] {
  const errors = validateBinding(binding, isNamespaced);
  if (!equal(binding.roleRef, old.roleRef)) {
    errors.push(invalidValue(roleRefPath, binding.roleRef, 'cannot change roleRef'));
  }
  return errors;
}

function checkSubject(errors: FieldError[], path: FieldPath, subject: Subject): void {
  if (!isSet(subject.name)) errors.push(required(path.child('name')));
  switch (subject.kind) {
    case 'ServiceAccount':
      if (isSet(subject.name)) {
        invalidEach(errors, path.child('name'), subject.name, isDns1123Subdomain(subject.name));
      }
      if (isSet(subject.apiGroup)) {
        errors.push(notSupported(path.child('apiGroup'), subject.apiGroup, ['']));
      }
      if (!isSet(subject.namespace)) errors.push(required(path.child('namespace')));
      break;
    case 'User':
    case 'Group':
      if (subject.apiGroup !== rbacGroup) {
        errors.push(notSupported(path.child('apiGroup'), subject.apiGroup ?? '', [rbacGroup]));
      }
      break;
    default:
      errors.push(notSupported(path.child('kind'), subject.kind ?? '', ['Group', 'ServiceAccount', 'User']));
  }
}

function isNone(list: readonly string[] | undefined): boolean {
  return list === undefined || list.length === 0;
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}
