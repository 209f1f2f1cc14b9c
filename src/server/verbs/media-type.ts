import { apiError } from '../../machinery/status-error.ts';

/** What a client wants the answer to be. */
export interface Accepted {
  /** `protobuf` only for who takes neither of the others: every client that is known takes JSON as well. */
  readonly encoding: 'json' | 'yaml' | 'protobuf';
  readonly as: 'object' | 'Table' | 'PartialObjectMetadata';
  /** Version of the `meta.k8s.io` group of a Table or PartialObjectMetadata. */
  readonly metaVersion: 'v1' | 'v1beta1';
}

const acceptedTextsMax = 256;
export const protobufType = 'application/vnd.kubernetes.protobuf';
const acceptable = ['application/json', 'application/yaml', protobufType];
const plainJson: Accepted = { encoding: 'json', as: 'object', metaVersion: 'v1' };
const parsed = new Map<string, Accepted | undefined>([['', plainJson]]);

/** The first choice of an `Accept` header that this server can serve. Throws 406. */
export function negotiate(accept: string | undefined): Accepted {
  const text = accept ?? '';
  let found = parsed.get(text);
  if (found === undefined && !parsed.has(text)) {
    found = firstServed(text);
    // A handful of clients send a handful of headers; whoever makes them up must not fill the memory.
    if (parsed.size >= acceptedTextsMax) parsed.clear();
    parsed.set(text, found);
  }
  return found ?? notAcceptable();
}

/** The same for an answer that has neither columns nor metadata (a review). Throws 406. */
export function negotiatePlain(accept: string | undefined): Accepted {
  return firstServed(accept ?? '', ({ as }) => as === 'object') ?? notAcceptable();
}

/** Throws 406. */
export function notAcceptable(): never {
  throw apiError(406, 'NotAcceptable', `only the following media types are accepted: ${acceptable.join(', ')}`);
}

/** `application/json; charset=utf-8` -> `application/json`. */
export function mediaTypeOf(contentType: string | undefined): string {
  const text = contentType ?? '';
  const semicolon = text.indexOf(';');
  return (semicolon < 0 ? text : text.slice(0, semicolon)).trim().toLowerCase();
}

function firstServed(text: string, allows: (served: Accepted) => boolean = () => true): Accepted | undefined {
  const clauses = text.split(',').map((clause, index) => {
    const [type = '', ...rest] = clause.split(';').map((part) => part.trim());
    const parameters = new Map(rest.map((part) => splitAt(part, '=')));
    return { type: type.toLowerCase(), parameters, index, quality: Number(parameters.get('q') ?? '1') };
  });
  clauses.sort((a, b) => b.quality - a.quality || a.index - b.index);
  let last: Accepted | undefined;
  for (const { type, parameters } of clauses) {
    const served = serve(type, parameters);
    if (served === undefined || !allows(served)) continue;
    if (served.encoding !== 'protobuf') return served;
    last ??= served;
  }
  return last;
}

function serve(type: string, parameters: ReadonlyMap<string, string>): Accepted | undefined {
  const encoding = encodingOf(type);
  if (encoding === undefined) return undefined;
  const as = parameters.get('as');
  if (as === undefined) return { encoding, as: 'object', metaVersion: 'v1' };
  const version = parameters.get('v');
  if (parameters.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined;
  if (as === 'Table' && encoding === 'protobuf') return undefined;
  if (as === 'Table') return { encoding, as, metaVersion: version };
  if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') {
    return { encoding, as: 'PartialObjectMetadata', metaVersion: version };
  }
  return undefined;
}

function encodingOf(type: string): Accepted['encoding'] | undefined {
  if (type === 'application/json' || type === '*/*' || type === 'application/*' || type === '') return 'json';
  if (type === protobufType) return 'protobuf';
  return type === 'application/yaml' ? 'yaml' : undefined;
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1).replace(/^"|"$/g, '')];
}
