import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { builtinResources } from '../api/registry.ts';
import type { Logger } from '../machinery/logger.ts';
import type { Store } from '../store/contract.ts';
import { createGateway, type Gateway } from '../tunnel/gateway.ts';
import { createAdmission } from './admission/chain.ts';
import { builtinAdmissionPlugins } from './admission/plugins.ts';
import { createApi } from './api.ts';
import { bearerTokenAuthenticator } from './authentication/bearer-token.ts';
import { bootstrapTokenVerifier } from './authentication/bootstrap-token.ts';
import { anonymousAuthenticator, certificateAuthenticator, localAuthenticator } from './authentication/certificate.ts';
import { ServiceAccountTokens } from './authentication/service-account-token.ts';
import { NodeAuthorizer } from './authorization/node.ts';
import { Rbac } from './authorization/rbac.ts';
import { ensureClusterObjects } from './bootstrap/bootstrap.ts';
import type { Api } from './contract.ts';
import { createDiscovery } from './discovery/discovery.ts';
import { noAudit, openAuditLog } from './filters/audit.ts';
import { authenticationFilter } from './filters/authentication.ts';
import { authorizationFilter, unionAuthorizer } from './filters/authorization.ts';
import { deadlineFilter, isLongRunning } from './filters/deadline.ts';
import { errorsFilter } from './filters/errors.ts';
import { flowControl } from './filters/flow-control.ts';
import { impersonationFilter } from './filters/impersonation.ts';
import { mediaFilter } from './filters/media.ts';
import { requestInfoFilter } from './filters/request-info.ts';
import { createHealth, type HealthCheck, type HealthEndpoint } from './health/health.ts';
import { ServerMetrics } from './health/metrics.ts';
import { type Listener, listen } from './http/listener.ts';
import { createLocalTransport, type LocalTransport } from './http/local-transport.ts';
import { createOpenApi } from './openapi/openapi.ts';
import { openPki, type Pki } from './pki/pki.ts';
import type { AdmissionPlugin, Handler, UserInfo } from './request.ts';
import { buildRequestPath } from './request-path.ts';
import { indexRoute, metricsRoute, openIdRoutes, type Route, routeByPath, versionRoute } from './routes.ts';
import { firstServiceIp } from './service-network.ts';
import { serveAccessReviews } from './special/access-reviews.ts';
import { serveAuthenticationReviews } from './special/authentication-reviews.ts';
import { serveComponentStatuses } from './special/component-statuses.ts';
import { serveTokenRequests } from './special/token-requests.ts';
import { startCompaction } from './store-compaction.ts';
import { registerStreams, tunnelConnectHandler } from './streams/register.ts';

export interface ServerOptions {
  /** `pki/` and `audit.log` are kept below it. */
  readonly dataDirectory: string;
  /** Already open; the caller closes it after the server. */
  readonly store: Store;
  readonly logger: Logger;
  /** Default `0.0.0.0`. */
  readonly address?: string;
  /** Default 6443; 0 picks a free one. */
  readonly port?: number;
  /** Where pods and other hosts reach the server. Default: this host's first address that is not loopback. */
  readonly advertiseAddress?: string;
  /** Default `10.96.0.0/12`. */
  readonly serviceCidr?: string;
  /** Inclusive; default 30000 to 32767. */
  readonly nodePortRange?: { readonly from: number; readonly to: number };
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Further names or addresses for the serving certificate. */
  readonly extraNames?: readonly string[];
  readonly audit?: boolean;
  /** The descriptions that OpenAPI documents carry; large, so it is read when first asked for. */
  readonly loadProse: Parameters<typeof createOpenApi>[1];
  /** Answer further paths, before the server's own. */
  readonly extraRoutes?: readonly Route[];
  readonly now?: () => number;
}

export interface RunningServer {
  /** `https://127.0.0.1:6443`, for clients on this host. */
  readonly url: string;
  readonly port: number;
  /** PEM. */
  readonly caCertificate: string;
  readonly pki: Pki;
  readonly api: Api;
  readonly gateway: Gateway;
  /** A way in for parts of this process, who are believed to be `user`. */
  localTransport(user: UserInfo): LocalTransport;
  /** Stops accepting, drains, closes; leaves the store open. */
  close(): Promise<void>;
}

/** Brings up the API server: everything in front of the store. Rejects with one sentence when the port is taken. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const settings = settingsOf(options);
  const { logger, store, now } = settings;
  const pki = await openPki({ ...settings, directory: join(options.dataDirectory, 'pki'), extraNames: settings.names });

  // Plugins read objects, and the verbs that make objects readable run plugins: the list is filled once both exist.
  const plugins: AdmissionPlugin[] = [];
  const admission = createAdmission(plugins);
  const api = await createApi({
    store,
    rows: builtinResources,
    admission,
    logger,
    serviceCidr: settings.serviceCidr,
    nodePortRange: settings.nodePortRange,
    clock: now,
  });
  const { objects } = api;

  const rbac = new Rbac(objects);
  const node = new NodeAuthorizer(objects, rbac);
  const authorizer = unionAuthorizer([node, rbac]);
  plugins.push(...builtinAdmissionPlugins({ objects, rbac, authorizer }));

  const issuer = `https://kubernetes.default.svc.${settings.clusterDomain}`;
  const audiences = [issuer];
  const tokens = new ServiceAccountTokens({ key: pki.serviceAccountKey, issuer, audiences, objects, now });
  const verifiers = [tokens, bootstrapTokenVerifier(objects, now)];
  const gateway = createGateway({ logger: logger.child({ part: 'tunnel' }) });

  serveAccessReviews(api, authorizer, rbac);
  serveAuthenticationReviews(api, verifiers, now);
  serveTokenRequests(api, { tokens, admission, audiences, now });
  serveComponentStatuses(api, now);
  registerStreams(api, gateway, { logger, now });

  const metrics = new ServerMetrics();
  const audit = options.audit === true ? openAuditLog(join(options.dataDirectory, 'audit.log'), logger) : noAudit;
  const flow = flowControl({ mutating: 200, readOnly: 400 });
  metrics.addGauge({
    name: 'apiserver_current_inflight_requests',
    help: 'Ordinary requests under way',
    read: () => [
      ['request_kind="mutating"', flow.inFlight.mutating],
      ['request_kind="readOnly"', flow.inFlight.readOnly],
    ],
  });
  const state: ServerState = { isBootstrapped: false, isClosing: false };
  const address = (): string => `${settings.advertiseAddress}:${listener.port}`;
  const discovery = createDiscovery(api.rows, address);
  const openApi = createOpenApi(api.rows, options.loadProse);
  const health = createHealth(healthChecks(api, store, state));
  const byPath = routeByPath([
    ...(options.extraRoutes ?? []),
    { matches: discovery.matches, handle: discovery.handler },
    { matches: openApi.matches, handle: openApi.handler },
    health,
    metricsRoute(metrics),
    versionRoute(),
    ...openIdRoutes(tokens, issuer),
    indexRoute(() => indexPaths(api)),
  ]);
  const connectTunnel = tunnelConnectHandler(gateway);
  const last: Handler = (context) => {
    if (!context.info.isResourceRequest) return byPath(context);
    return context.info.apiGroup === 'tunnel.roadstead.dev' ? connectTunnel(context) : api.handle(context);
  };
  const handle = buildRequestPath(
    {
      requestInfo: requestInfoFilter(),
      metrics: metrics.filter(({ info }) => isLongRunning(info)),
      errors: errorsFilter(logger),
      deadline: deadlineFilter(logger),
      authentication: authenticationFilter([
        localAuthenticator(),
        certificateAuthenticator(),
        bearerTokenAuthenticator(verifiers),
        anonymousAuthenticator(),
      ]),
      audit: audit.filter,
      impersonation: impersonationFilter(authorizer),
      flowControl: flow.filter,
      authorization: authorizationFilter(authorizer),
      media: mediaFilter(),
    },
    last,
  );

  const closeBehindListener = async (): Promise<void> => {
    node.close();
    rbac.close();
    await api.close();
    await audit.close();
  };
  let listener: Listener;
  try {
    listener = await listen({
      address: settings.address,
      port: settings.port,
      certificate: pki.serving.certificate,
      key: pki.serving.key,
      clientAuthorities: pki.caCertificate,
      handle,
      logger,
    });
  } catch (error) {
    await closeBehindListener();
    throw error;
  }
  const { port } = listener;
  const stopCompaction = startCompaction(store, logger);
  const close = async (): Promise<void> => {
    state.isClosing = true;
    stopCompaction();
    gateway.close();
    await listener.close();
    await closeBehindListener();
  };
  try {
    await ensureClusterObjects(objects, { ...settings, port, caCertificate: pki.caCertificate });
  } catch (error) {
    await close();
    throw error;
  }
  state.isBootstrapped = true;
  logger.info({ port, address: settings.address }, 'API server listened');

  return {
    url: `https://127.0.0.1:${port}`,
    port,
    caCertificate: pki.caCertificate,
    pki,
    api,
    gateway,
    localTransport: (user) => createLocalTransport(handle, user),
    close,
  };
}

interface ServerState {
  isBootstrapped: boolean;
  isClosing: boolean;
}

function settingsOf(options: ServerOptions) {
  const serviceCidr = options.serviceCidr ?? '10.96.0.0/12';
  const advertiseAddress = options.advertiseAddress ?? firstHostAddress();
  return {
    logger: options.logger,
    store: options.store,
    now: options.now ?? Date.now,
    address: options.address ?? '0.0.0.0',
    port: options.port ?? 6443,
    nodePortRange: options.nodePortRange ?? { from: 30000, to: 32767 },
    clusterDomain: options.clusterDomain ?? 'cluster.local',
    serviceCidr,
    serviceIp: firstServiceIp(serviceCidr),
    advertiseAddress,
    names: [...(options.extraNames ?? []), advertiseAddress],
  };
}

function firstHostAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) if (family === 'IPv4' && !internal) return address;
  }
  return '127.0.0.1';
}

const everywhere: readonly HealthEndpoint[] = ['healthz', 'livez', 'readyz'];

function healthChecks(api: Api, store: Store, state: ServerState): HealthCheck[] {
  const hook = (name: string): HealthCheck => ({
    name: `poststarthook/${name}`,
    endpoints: everywhere,
    check: () => state.isBootstrapped,
  });
  return [
    { name: 'ping', endpoints: everywhere, check: () => true },
    { name: 'log', endpoints: ['healthz', 'livez'], check: () => true },
    { name: 'etcd', endpoints: everywhere, check: async () => (await store.currentRevision()) >= 0 },
    { name: 'etcd-readiness', endpoints: ['readyz'], check: () => api.ready },
    { name: 'informer-sync', endpoints: ['readyz'], check: () => api.ready },
    hook('start-apiserver-admission-initializer'),
    hook('rbac/bootstrap-roles'),
    hook('scheduling/bootstrap-system-priority-classes'),
    hook('bootstrap-controller'),
    { name: 'shutdown', endpoints: ['readyz'], check: () => !state.isClosing },
  ];
}

function indexPaths(api: Api): string[] {
  const groups = new Set<string>();
  for (const { group, version } of api.rows.all()) {
    if (group === '') continue;
    groups.add(`/apis/${group}`);
    groups.add(`/apis/${group}/${version}`);
  }
  const health = ['/healthz', '/livez', '/readyz'];
  const rest = ['/metrics', '/openapi/v2', '/openapi/v3', '/openid/v1/jwks', '/version'];
  return ['/.well-known/openid-configuration', '/api', '/api/v1', '/apis', ...[...groups].sort(), ...health, ...rest];
}
