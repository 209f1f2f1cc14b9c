import { badRequest } from './status-error.ts';

export interface FieldRequirement {
  readonly path: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** k8s.io/apimachinery/pkg/fields.Selector: every requirement must hold. */
export interface FieldSelector {
  readonly requirements: readonly FieldRequirement[];
  matches(fieldOf: (path: string) => string): boolean;
}

export const everyField: FieldSelector = fieldSelectorOf([]);

export function fieldSelectorOf(requirements: readonly FieldRequirement[]): FieldSelector {
  return {
    requirements,
    matches: (fieldOf) =>
      requirements.every(({ path, operator, value }) => (fieldOf(path) === value) === (operator === '=')),
  };
}

/** Throws a 400 in upstream's words. Values may escape `,` `=` and `\` with a backslash. */
export function parseFieldSelector(text: string): FieldSelector {
  if (text === '') return everyField;
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    if (term === '') continue;
    requirements.push(parseTerm(term, text));
  }
  return fieldSelectorOf(requirements);
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === ',') {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function parseTerm(term: string, whole: string): FieldRequirement {
  for (let at = 0; at < term.length; at++) {
    if (term[at] === '\\') {
      at++;
      continue;
    }
    for (const written of ['!=', '==', '=']) {
      if (!term.startsWith(written, at)) continue;
      return {
        path: term.slice(0, at),
        operator: written === '!=' ? '!=' : '=',
        value: unescapeValue(term.slice(at + written.length)),
      };
    }
  }
  throw badRequest(`invalid selector: '${whole}'; can't understand '${term}'`);
}

function unescapeValue(text: string): string {
  if (!/[\\,=]/.test(text)) return text;
  let value = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === '\\') {
      const escaped = text[++at] ?? '';
      if (escaped !== '\\' && escaped !== ',' && escaped !== '=') {
        throw badRequest(`invalid field selector: invalid escape sequence: \\${escaped}`);
      }
      value += escaped;
    } else if (char === ',' || char === '=') {
      throw badRequest(`invalid field selector: unescaped character in value: ${char}`);
    } else {
      value += char;
    }
  }
  return value;
}
