import {
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  isValidLabelValue,
  type Problems,
} from '../../../machinery/names.ts';
import { CelOpaque, CelOptional, noValue } from '../values.ts';
import { fn, method, type Overload } from './overload.ts';
import { parseTimestamp } from './time-text.ts';

/** What `format.dns1123Label()` gives: checks text, and says what is wrong. */
export class CelFormat extends CelOpaque {
  readonly typeName = 'format';
  readonly name: string;
  readonly check: (text: string) => Problems;

  constructor(name: string, check: (text: string) => Problems) {
    super();
    this.name = name;
    this.check = check;
  }

  equals(other: CelOpaque): boolean {
    return other instanceof CelFormat && other.name === this.name;
  }
}

const unless = (holds: boolean, problem: string): Problems => (holds ? [] : [problem]);

/** A prefix may end with a dash, which a generated suffix follows. */
const asPrefix =
  (check: (text: string) => Problems) =>
  (text: string): Problems =>
    check(text.endsWith('-') ? `${text}a` : text);

function isUri(text: string): boolean {
  return text.startsWith('/') || URL.canParse(text);
}

const formats: readonly CelFormat[] = [
  new CelFormat('dns1123Label', isDns1123Label),
  new CelFormat('dns1123Subdomain', isDns1123Subdomain),
  new CelFormat('dns1035Label', isDns1035Label),
  new CelFormat('dns1123LabelPrefix', asPrefix(isDns1123Label)),
  new CelFormat('dns1123SubdomainPrefix', asPrefix(isDns1123Subdomain)),
  new CelFormat('dns1035LabelPrefix', asPrefix(isDns1035Label)),
  new CelFormat('qualifiedName', isQualifiedName),
  new CelFormat('labelValue', isValidLabelValue),
  new CelFormat('uri', (text) => unless(isUri(text), 'must be a valid URI')),
  new CelFormat('uuid', (text) =>
    unless(
      /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
      'does not match the UUID format',
    ),
  ),
  new CelFormat('byte', (text) =>
    unless(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text), 'invalid base64'),
  ),
  new CelFormat('date', (text) =>
    unless(/^\d{4}-\d\d-\d\d$/.test(text) && parseTimestamp(text) !== undefined, 'invalid date'),
  ),
  new CelFormat('datetime', (text) =>
    unless(text.includes('T') && parseTimestamp(text) !== undefined, 'invalid datetime'),
  ),
];

export const namedFormats: readonly Overload[] = [
  ...formats.map((format) => fn(`format.${format.name}`, [], 'format', () => format)),
  fn('format.named', ['string'], 'optional<format>', (name) => {
    const found = formats.find((format) => format.name === name);
    return found === undefined ? noValue : new CelOptional(found);
  }),
  method('validate', ['format', 'string'], 'optional<list<string>>', ({ check }, text) => {
    const problems = check(text);
    return problems.length === 0 ? noValue : new CelOptional(problems);
  }),
];
