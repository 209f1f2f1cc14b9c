import { arch, platform } from 'node:os';
import { apiError } from '../machinery/status-error.ts';
import type { ServiceAccountTokens } from './authentication/service-account-token.ts';
import type { RowCatalog } from './contract.ts';
import type { ServerMetrics } from './health/metrics.ts';
import type { Handler, RequestContext } from './request.ts';

/** What answers the paths that name no resource. The first whose `matches` says so. */
export interface Route {
  matches(path: string): boolean;
  readonly handle: Handler;
}

/** The last stage for paths that are no resource. */
export function routeByPath(routes: readonly Route[]): Handler {
  return (context) => {
    const { path } = context;
    for (const route of routes) if (route.matches(path)) return route.handle(context);
    return Promise.reject(apiError(404, 'NotFound', 'the server could not find the requested resource', {}));
  };
}

export const serverVersion = 'v1.36.0+roadstead';

export function versionRoute(): Route {
  const body = {
    major: '1',
    minor: '36',
    emulationMajor: '1',
    emulationMinor: '36',
    minCompatibilityMajor: '1',
    minCompatibilityMinor: '35',
    gitVersion: serverVersion,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: `node ${process.version}`,
    compiler: 'v8',
    platform: `${platform()}/${arch() === 'x64' ? 'amd64' : arch()}`,
  };
  return {
    matches: (path) => path === '/version' || path === '/version/',
    handle: async (context) => sendJson(context, body),
  };
}

export function metricsRoute(metrics: ServerMetrics): Route {
  return {
    matches: (path) => path === '/metrics',
    handle: async ({ response }) => response.send(200, 'text/plain; version=0.0.4; charset=utf-8', metrics.render()),
  };
}

/** Where others learn to verify service-account tokens. */
export function openIdRoutes(tokens: ServiceAccountTokens, issuer: string): Route[] {
  const configuration = {
    issuer,
    jwks_uri: `${issuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  };
  return [
    {
      matches: (path) => path === '/.well-known/openid-configuration',
      handle: async (context) => sendJson(context, configuration),
    },
    {
      matches: (path) => path === '/openid/v1/jwks',
      handle: async ({ response }) =>
        response.send(200, 'application/jwk-set+json', `${JSON.stringify(tokens.keySet())}\n`),
    },
  ];
}

/** `/`: every path that can be asked for. */
export function indexRoute(rows: RowCatalog): Route {
  return { matches: (path) => path === '/', handle: async (context) => sendJson(context, { paths: indexPaths(rows) }) };
}

function indexPaths(rows: RowCatalog): string[] {
  const groups = new Set<string>();
  for (const { group, version } of rows.all()) {
    if (group !== '') groups.add(`/apis/${group}`).add(`/apis/${group}/${version}`);
  }
  const health = ['/healthz', '/livez', '/readyz'];
  const rest = ['/metrics', '/openapi/v2', '/openapi/v3', '/openid/v1/jwks', '/version'];
  return ['/.well-known/openid-configuration', '/api', '/api/v1', '/apis', ...[...groups].sort(), ...health, ...rest];
}

function sendJson({ response }: RequestContext, body: object): void {
  response.send(200, 'application/json', `${JSON.stringify(body)}\n`);
}
