import type { LabelOperator, Requirement } from './labels.ts';
import { isQualifiedName } from './names.ts';
import { badRequest, isApiError } from './status-error.ts';

type TokenType = 'identifier' | 'in' | 'notin' | 'operator' | '!' | '(' | ')' | ',' | 'end';

interface Token {
  readonly type: TokenType;
  readonly text: string;
}

type MakeRequirement = (key: string, operator: LabelOperator, values: readonly string[]) => Requirement;

/** The grammar of k8s.io/apimachinery/pkg/labels.Parse with its errors, as a 400. */
export function parseSelectorText(text: string, make: MakeRequirement): Requirement[] {
  return new Parser(tokenize(text), make).parse();
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #make: MakeRequirement;
  #at = 0;

  constructor(tokens: readonly Token[], make: MakeRequirement) {
    this.#tokens = tokens;
    this.#make = make;
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    for (;;) {
      const first = this.#peek();
      if (first.type === 'end') return requirements;
      if (!opensRequirement(first)) {
        throw badRequest(`found '${first.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#requirementOrExplain());
      const after = this.#next();
      if (after.type === 'end') return requirements;
      if (after.type !== ',') throw badRequest(`found '${after.text}', expected: ',' or 'end of string'`);
      const following = this.#peek();
      if (!opensRequirement(following)) {
        throw badRequest(`found '${following.text}', expected: identifier after ','`);
      }
    }
  }

  #requirementOrExplain(): Requirement {
    try {
      return this.#requirement();
    } catch (error) {
      if (!isApiError(error)) throw error;
      throw badRequest(`unable to parse requirement: ${error.message}`);
    }
  }

  #requirement(): Requirement {
    let token = this.#next();
    const negated = token.type === '!';
    if (negated) token = this.#next();
    if (!isIdentifier(token)) throw badRequest(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const problems = isQualifiedName(key);
    if (problems.length > 0) {
      throw badRequest(`<nil>: Invalid value: ${JSON.stringify(key)}: ${problems.join('; ')}`);
    }
    const after = this.#peek();
    if (negated) return this.#make(key, '!', []);
    if (after.type === 'end' || after.type === ',') return this.#make(key, 'exists', []);
    const operator = this.#operator();
    return this.#make(key, operator, operator === 'in' || operator === 'notin' ? this.#values() : this.#exactValue());
  }

  #operator(): LabelOperator {
    const token = this.#next();
    if (token.type === 'in' || token.type === 'notin') return token.type;
    if (token.type === 'operator') {
      if (token.text === '>') return 'gt';
      if (token.text === '<') return 'lt';
      return token.text as '=' | '==' | '!=';
    }
    throw badRequest(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`);
  }

  /** `(a,b)`, where an empty place is the empty value: `(a,)`. */
  #values(): string[] {
    const open = this.#next();
    if (open.type !== '(') throw badRequest(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.type === ')') {
      this.#next();
      return [''];
    }
    if (!isIdentifier(first) && first.type !== ',') {
      throw badRequest(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values: string[] = [];
    for (;;) {
      if (isIdentifier(this.#peek())) values.push(this.#next().text);
      else values.push('');
      const separator = this.#next();
      if (separator.type === ')') return values;
      if (separator.type !== ',') throw badRequest(`found '${separator.text}', expected: ',' or ')'`);
    }
  }

  #exactValue(): string[] {
    const after = this.#peek();
    if (after.type === 'end' || after.type === ',') return [''];
    const token = this.#next();
    if (!isIdentifier(token)) throw badRequest(`found '${token.text}', expected: identifier`);
    return [token.text];
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? end;
  }

  #next(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }
}

const end: Token = { type: 'end', text: '' };

/** `in` and `notin` are words like any other except where an operator must stand. */
function isIdentifier({ type }: Token): boolean {
  return type === 'identifier' || type === 'in' || type === 'notin';
}

function opensRequirement(token: Token): boolean {
  return isIdentifier(token) || token.type === '!';
}

const tokenPattern = /[ \r\t\n]+|(==|!=|[=!(),<>])|([^ \r\t\n=!(),<>]+)/g;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (const [, symbol, word] of text.matchAll(tokenPattern)) {
    if (word !== undefined) {
      tokens.push({ type: word === 'in' || word === 'notin' ? word : 'identifier', text: word });
    } else if (symbol === '(' || symbol === ')' || symbol === ',' || symbol === '!') {
      tokens.push({ type: symbol, text: symbol });
    } else if (symbol !== undefined) {
      tokens.push({ type: 'operator', text: symbol });
    }
  }
  return tokens;
}
