/**
 * Upstream's rules for names (k8s.io/apimachinery/pkg/util/validation), in upstream's words. Each answers what is wrong,
 * nothing when the value is valid. Values are tried against the pattern first, so that a valid one costs one match.
 */

export type Problems = readonly string[];

const none: Problems = Object.freeze([]);

export const dns1123LabelLengthMax = 63;
export const dns1123SubdomainLengthMax = 253;

interface Rule {
  readonly pattern: RegExp;
  readonly lengthMax: number;
  readonly problem: string;
}

function rule(
  message: string,
  format: string,
  examples: readonly string[],
  lengthMax = Number.POSITIVE_INFINITY,
): Rule {
  return { pattern: new RegExp(`^(?:${format})$`), lengthMax, problem: regexProblem(message, format, examples) };
}

function regexProblem(message: string, format: string, examples: readonly string[]): string {
  const used = `regex used for validation is '${format}')`;
  if (examples.length === 0) return `${message} (${used}`;
  return `${message} (e.g. ${examples.map((example) => `'${example}'`).join(' or ')}, ${used}`;
}

export function maxLengthProblem(lengthMax: number): string {
  return `must be no more than ${lengthMax} bytes`;
}

export function rangeProblem(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}

export const emptyProblem = 'must be non-empty';

function check(value: string, { pattern, lengthMax, problem }: Rule): Problems {
  if (pattern.test(value)) return value.length <= lengthMax ? none : [maxLengthProblem(lengthMax)];
  return Buffer.byteLength(value) > lengthMax ? [maxLengthProblem(lengthMax), problem] : [problem];
}

const labelFormat = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomainFormat = `${labelFormat}(\\.${labelFormat})*`;
const qualifiedNameFormat = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const alphanumericEnds = 'must start and end with an alphanumeric character';

const dns1123Label = rule(
  `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and ${alphanumericEnds}`,
  labelFormat,
  ['my-name', '123-abc'],
  dns1123LabelLengthMax,
);
const dns1123Subdomain = rule(
  `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and ${alphanumericEnds}`,
  subdomainFormat,
  ['example.com'],
  dns1123SubdomainLengthMax,
);
const wildcardSubdomain = rule(
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  `\\*\\.${subdomainFormat}`,
  ['*.example.com'],
  dns1123SubdomainLengthMax,
);
const dns1035Label = rule(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  '[a-z]([-a-z0-9]*[a-z0-9])?',
  ['my-name', 'abc-123'],
  dns1123LabelLengthMax,
);
const qualifiedName = rule(
  `must consist of alphanumeric characters, '-', '_' or '.', and ${alphanumericEnds}`,
  qualifiedNameFormat,
  ['MyName', 'my.name', '123-abc'],
  63,
);
const labelValue = rule(
  `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and ${alphanumericEnds}`,
  `(${qualifiedNameFormat})?`,
  ['MyValue', 'my_value', '12345'],
  63,
);
const environmentName = rule(
  "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
  '[-._a-zA-Z][-._a-zA-Z0-9]*',
  ['my.env-name', 'MY_ENV.NAME', 'MyEnvName1'],
);
const relaxedEnvironmentName: Rule = {
  pattern: /^[ -<>-~]+$/,
  lengthMax: Number.POSITIVE_INFINITY,
  problem: "a valid environment variable name must consist only of printable ASCII characters other than '='",
};
const configMapKey = rule(
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  '[-._a-zA-Z0-9]+',
  ['key.name', 'KEY_NAME', 'key-name'],
  dns1123SubdomainLengthMax,
);
const headerName = rule("a valid HTTP header must consist of alphanumeric characters or '-'", '[-A-Za-z0-9]+', [
  'X-Header-Name',
]);
const percent = rule("a valid percent string must be a numeric string followed by an ending '%'", '[0-9]+%', [
  '1%',
  '93%',
]);

export function isDns1123Label(value: string): Problems {
  const problems = check(value, dns1123Label);
  if (problems.length === 0 || !dns1123Subdomain.pattern.test(value)) return problems;
  return problems.map((problem) => (problem === dns1123Label.problem ? 'must not contain dots' : problem));
}

export const isDns1123Subdomain = (value: string): Problems => check(value, dns1123Subdomain);
export const isWildcardDns1123Subdomain = (value: string): Problems => check(value, wildcardSubdomain);
export const isDns1035Label = (value: string): Problems => check(value, dns1035Label);
export const isValidLabelValue = (value: string): Problems => check(value, labelValue);
export const isHttpHeaderName = (value: string): Problems => check(value, headerName);
export const isValidPercent = (value: string): Problems => check(value, percent);
/** The rule for containers since 1.34: anything printable but `=`. */
export const isRelaxedEnvVarName = (value: string): Problems =>
  value === '' ? [`environment variable name ${emptyProblem}`] : check(value, relaxedEnvironmentName);

export function isEnvVarName(value: string): Problems {
  return withDirectoryPrefix(value, check(value, environmentName));
}

/** Keys of ConfigMaps and Secrets. */
export function isConfigMapKey(value: string): Problems {
  return withDirectoryPrefix(value, check(value, configMapKey));
}

/** `name` or `prefix/name`: keys of labels and annotations, finalizers, resource names. */
export function isQualifiedName(value: string): Problems {
  const slash = value.indexOf('/');
  if (slash < 0) return namePart(value);
  if (value.indexOf('/', slash + 1) >= 0) {
    return [
      `a qualified name ${qualifiedName.problem} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const prefix = value.slice(0, slash);
  const ofPrefix = prefix === '' ? [emptyProblem] : isDns1123Subdomain(prefix);
  const ofName = namePart(value.slice(slash + 1));
  if (ofPrefix.length === 0) return ofName;
  return [...ofPrefix.map((problem) => `prefix part ${problem}`), ...ofName];
}

function namePart(name: string): Problems {
  if (name === '') return [`name part ${emptyProblem}`, `name part ${qualifiedName.problem}`];
  const problems = check(name, qualifiedName);
  return problems.length === 0 ? none : problems.map((problem) => `name part ${problem}`);
}

/** A domain with a path (`example.com/something`): signer names, label-like identifiers that must have a domain. */
export function isDomainPrefixedPath(value: string): Problems {
  const slash = value.indexOf('/');
  if (slash < 0 || slash === value.length - 1) {
    return ['must be a domain-prefixed path (such as "acme.io/foo")'];
  }
  const ofDomain = isDns1123Subdomain(value.slice(0, slash));
  if (ofDomain.length > 0) return ofDomain.map((problem) => `prefix part ${problem}`);
  return /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(value.slice(slash + 1))
    ? none
    : [`Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')`];
}

/** What a name in a path may be where nothing stricter holds (roles, CSRs, ...). */
export function isPathSegmentName(value: string): Problems {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  const problems: string[] = [];
  if (value.includes('/')) problems.push("may not contain '/'");
  if (value.includes('%')) problems.push("may not contain '%'");
  return problems.length === 0 ? none : problems;
}

export function isValidPortNum(port: number): Problems {
  return isInRange(port, 1, 65535);
}

export function isInRange(value: number, low: number, high: number): Problems {
  return value >= low && value <= high ? none : [rangeProblem(low, high)];
}

const plainPortName = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** IANA service name: at most 15 of `[-a-z0-9]`, with a letter, no doubled or outer hyphens. */
export function isValidPortName(value: string): Problems {
  const problems: string[] = [];
  const lettered = /[a-z]/.test(value);
  if (lettered && value.length <= 15 && plainPortName.test(value)) return none;
  if (value.length > 15) problems.push(maxLengthProblem(15));
  if (!/^[-a-z0-9]+$/.test(value)) {
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!lettered) problems.push('must contain at least one letter (a-z)');
  if (value.includes('--')) problems.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) problems.push('must not begin or end with a hyphen');
  return problems;
}

function withDirectoryPrefix(value: string, problems: Problems): Problems {
  if (!value.startsWith('.')) return problems;
  if (value === '.') return [...problems, "must not be '.'"];
  if (value === '..') return [...problems, "must not be '..'"];
  return value.startsWith('..') ? [...problems, "must not start with '..'"] : problems;
}
