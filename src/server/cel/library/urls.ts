import { CelError } from '../errors.ts';
import { CelMap, CelOpaque } from '../values.ts';
import { fn, method, type Overload } from './overload.ts';

/** A URL as Go reads it: absolute, or an absolute path. */
export class CelUrl extends CelOpaque {
  readonly typeName = 'url';
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;

  constructor(text: string, parts: RegExpExecArray) {
    super();
    this.text = text;
    const [, scheme = '', host = '', path = '', query = ''] = parts;
    this.scheme = scheme.toLowerCase();
    this.host = host;
    this.path = path;
    this.query = query;
  }

  equals(other: CelOpaque): boolean {
    return other instanceof CelUrl && other.text === this.text;
  }
}

const pattern =
  /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:[^/?#@\s]*@)?((?:\[[0-9a-fA-F:.%A-Za-z]+\]|[^/?#:@\s[\]]*)(?::[0-9]*)?))?((?:\/|(?<=:))[^?#\s]*)?(?:\?([^#\s]*))?(?:#\S*)?$/;

function parse(text: string): CelUrl | undefined {
  const parts = pattern.exec(text);
  if (parts === null || /%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  const [, scheme, , path = ''] = parts;
  if (scheme === undefined && !path.startsWith('/')) return undefined;
  return scheme === undefined && parts[2] !== undefined ? undefined : new CelUrl(text, parts);
}

function splitHost(host: string): [string, string] {
  const [, bracketed, plain = '', port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::([0-9]*))?$/.exec(host) ?? [];
  return [bracketed ?? plain, port];
}

function queryOf({ query }: CelUrl): CelMap {
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(query)) values.set(name, [...(values.get(name) ?? []), value]);
  return new CelMap(values);
}

export const urls: readonly Overload[] = [
  fn('url', ['string'], 'url', (text) => {
    const url = parse(text);
    if (url === undefined)
      throw new CelError(
        `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
      );
    return url;
  }),
  fn('isURL', ['string'], 'bool', (text) => parse(text) !== undefined),
  method('getScheme', ['url'], 'string', ({ scheme }) => scheme),
  method('getHost', ['url'], 'string', ({ host }) => host),
  method('getHostname', ['url'], 'string', ({ host }) => splitHost(host)[0]),
  method('getPort', ['url'], 'string', ({ host }) => splitHost(host)[1]),
  method('getEscapedPath', ['url'], 'string', ({ path }) => path),
  method('getQuery', ['url'], 'map<string,list<string>>', queryOf),
];
