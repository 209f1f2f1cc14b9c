import { parseSelectorText } from './label-selector-parser.ts';
import type { LabelSelector } from './meta-types.generated.ts';
import { isQualifiedName, isValidLabelValue } from './names.ts';
import { badRequest } from './status-error.ts';

export type LabelOperator = 'in' | 'notin' | '=' | '==' | '!=' | 'exists' | '!' | 'gt' | 'lt';

export type Labels = Readonly<Record<string, string>>;

export interface Requirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Sorted, without repeats. */
  readonly values: readonly string[];
}

/** k8s.io/apimachinery/pkg/labels.Selector. */
export interface Selector {
  matches(labels: Labels | undefined): boolean;
  /** Sorted by key. */
  readonly requirements: readonly Requirement[];
  /** Selects everything. */
  readonly empty: boolean;
}

export const selectEverything: Selector = { matches: () => true, requirements: [], empty: true };
export const selectNothing: Selector = { matches: () => false, requirements: [], empty: false };

/** Throws a 400 in upstream's words. */
export function parseLabelSelector(text: string): Selector {
  if (text === '') return selectEverything;
  return selectorFromRequirements(parseSelectorText(text, newRequirement));
}

/** As metav1.LabelSelectorAsSelector: undefined selects nothing, `{}` everything. Throws a 400 for a bad one. */
export function selectorOf(selector: LabelSelector | undefined): Selector {
  if (selector === undefined || selector === null) return selectNothing;
  const requirements: Requirement[] = [];
  const { matchLabels, matchExpressions } = selector;
  if (matchLabels !== undefined && matchLabels !== null) {
    for (const key of Object.keys(matchLabels)) requirements.push(newRequirement(key, '=', [matchLabels[key] ?? '']));
  }
  for (const { key, operator, values } of matchExpressions ?? []) {
    const known = expressionOperators.get(operator);
    if (known === undefined) throw badRequest(`${JSON.stringify(operator)} is not a valid label selector operator`);
    requirements.push(newRequirement(key, known, values ?? []));
  }
  return selectorFromRequirements(requirements);
}

const expressionOperators: ReadonlyMap<string, LabelOperator> = new Map([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
]);

/** Every pair must be there; undefined and `{}` select everything. The pairs are not validated. */
export function selectorFromSet(labels: Labels | undefined): Selector {
  const keys = Object.keys(labels ?? {});
  return selectorFromRequirements(keys.map((key) => ({ key, operator: '=', values: [labels?.[key] ?? ''] })));
}

export function selectorFromRequirements(requirements: readonly Requirement[]): Selector {
  if (requirements.length === 0) return selectEverything;
  const sorted = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return {
    requirements: sorted,
    empty: false,
    matches(labels) {
      for (const requirement of sorted) if (!requirementMatches(requirement, labels)) return false;
      return true;
    },
  };
}

export function requirementMatches({ key, operator, values }: Requirement, labels: Labels | undefined): boolean {
  const value = labels === undefined || !Object.hasOwn(labels, key) ? undefined : labels[key];
  switch (operator) {
    case '=':
    case '==':
      return value !== undefined && value === values[0];
    case 'in':
      return value !== undefined && values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    default:
      return value !== undefined && compares(value, operator, values[0] ?? '');
  }
}

function compares(value: string, operator: 'gt' | 'lt', bound: string): boolean {
  if (!isInteger(value)) return false;
  return operator === 'gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
}

/** The text that `parseLabelSelector` reads: `a=b,c in (d,e),!f`. */
export function formatSelector(selector: Selector): string {
  return selector.requirements.map(formatRequirement).join(',');
}

function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case '!':
      return `!${key}`;
    case 'exists':
      return key;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`;
    case 'gt':
      return `${key}>${values[0] ?? ''}`;
    case 'lt':
      return `${key}<${values[0] ?? ''}`;
    default:
      return `${key}${operator}${values[0] ?? ''}`;
  }
}

/** Checks key, operator and values as upstream's NewRequirement. Throws a 400. */
export function newRequirement(key: string, operator: LabelOperator, values: readonly string[]): Requirement {
  const ofKey = isQualifiedName(key);
  if (ofKey.length > 0) throw badRequest(invalidValue('key', key, ofKey.join('; ')));
  const wrong = valuesProblem(operator, values);
  if (wrong !== undefined) throw badRequest(invalidValue('values', values, wrong));
  for (const [index, value] of values.entries()) {
    const ofValue = isValidLabelValue(value);
    if (ofValue.length > 0) throw badRequest(invalidValue(`values[${index}][${key}]`, value, ofValue.join('; ')));
  }
  return { key, operator, values: values.length < 2 ? values : [...new Set(values)].sort() };
}

function valuesProblem(operator: LabelOperator, values: readonly string[]): string | undefined {
  switch (operator) {
    case 'in':
    case 'notin':
      return values.length === 0 ? "for 'in', 'notin' operators, values set can't be empty" : undefined;
    case '=':
    case '==':
    case '!=':
      return values.length === 1 ? undefined : 'exact-match compatibility requires one single value';
    case 'exists':
    case '!':
      return values.length === 0 ? undefined : 'values set must be empty for exists and does not exist';
    default:
      if (values.length !== 1) return "for 'Gt', 'Lt' operators, exactly one value is required";
      return isInteger(values[0] ?? '') ? undefined : "for 'Gt', 'Lt' operators, the value must be an integer";
  }
}

function isInteger(text: string): boolean {
  return /^[+-]?[0-9]{1,19}$/.test(text) && !text.startsWith('+');
}

function invalidValue(field: string, value: unknown, detail: string): string {
  return `${field}: Invalid value: ${JSON.stringify(value)}: ${detail}`;
}
