import { join } from 'node:path';
import { builtinResources } from '../api/registry.ts';
import { createGateway, type Gateway } from '../tunnel/gateway.ts';
import { type Access, createAccess } from './access.ts';
import { createAdmission } from './admission/chain.ts';
import { builtinAdmissionPlugins } from './admission/plugins.ts';
import { Aggregation } from './aggregation/aggregation.ts';
import { createApi } from './api.ts';
import { configuredAuthentication } from './authentication/configured.ts';
import { ensureClusterObjects, keepClusterObjects } from './bootstrap/bootstrap.ts';
import type { AdmissionChain, Api } from './contract.ts';
import { definitionRules } from './crd/definition-admission.ts';
import { CustomResourceDefinitions } from './crd/definitions.ts';
import { createDiscovery } from './discovery/discovery.ts';
import { protectStore } from './encryption/protect-store.ts';
import { type Audit, openAudit } from './filters/audit.ts';
import { authenticationFilter } from './filters/authentication.ts';
import { authorizationFilter } from './filters/authorization.ts';
import { deadlineFilter, isLongRunning } from './filters/deadline.ts';
import { errorsFilter } from './filters/errors.ts';
import { type FlowControl, flowControl } from './filters/flow-control.ts';
import { impersonationFilter } from './filters/impersonation.ts';
import { mediaFilter } from './filters/media.ts';
import { requestInfoFilter } from './filters/request-info.ts';
import { type ServerState, serverChecks } from './health/checks.ts';
import { createHealth } from './health/health.ts';
import { ServerMetrics } from './health/metrics.ts';
import { type Listener, listen } from './http/listener.ts';
import { createLocalTransport, type LocalTransport } from './http/local-transport.ts';
import { joinRoute } from './join/join-route.ts';
import { serveResourceMetrics } from './metrics/resource-metrics.ts';
import { UsageSampler } from './metrics/usage-sampler.ts';
import { createOpenApi } from './openapi/openapi.ts';
import { openPki, type Pki } from './pki/pki.ts';
import { startServingRenewal } from './pki/serving-renewal.ts';
import type { AdmissionPlugin, Handler, UserInfo } from './request.ts';
import { buildRequestPath } from './request-path.ts';
import { indexRoute, metricsRoute, openIdRoutes, routeByPath, versionRoute } from './routes.ts';
import { startServerLoops } from './server-loops.ts';
import { type ServerOptions, type ServerSettings, settingsOf } from './server-settings.ts';
import { serviceConnections } from './service-connection.ts';
import { serveAccessReviews } from './special/access-reviews.ts';
import { serveAuthenticationReviews } from './special/authentication-reviews.ts';
import { serveComponentStatuses } from './special/component-statuses.ts';
import { serveTokenRequests } from './special/token-requests.ts';
import { startCompaction } from './store-compaction.ts';
import { registerStreams, tunnelConnectHandler } from './streams/register.ts';
import { taskLogHandler } from './streams/task-log.ts';

/** Upstream's --max-mutating-requests-inflight and --max-requests-inflight together. */
const seatsTotal = 600;

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

/** What stands behind the listener, in the order it is made. */
interface Parts {
  readonly settings: ServerSettings;
  readonly pki: Pki;
  readonly admission: AdmissionChain;
  closeAdmission(): void;
  readonly api: Api;
  readonly access: Access;
  readonly gateway: Gateway;
  readonly sampler: UsageSampler;
  readonly audit: Audit | undefined;
  readonly flow: FlowControl;
  readonly state: ServerState;
  readonly definitions: CustomResourceDefinitions;
  readonly aggregation: Aggregation;
}

/** Brings up the API server: everything in front of the store. Rejects with one sentence when the port is taken. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const settings = await withProtectedStore(settingsOf(options));
  const parts = await createParts(settings);
  const { pki, api, gateway, state } = parts;
  serveSpecialResources(parts);
  // Before the first request: custom resources are there as soon as anything is.
  await parts.definitions.start();
  // Discovery tells the port, which is known once the listener has it.
  let port = settings.port;
  const handle = buildHandler(parts, () => `${settings.advertiseAddress}:${port}`);
  const listener = await openListener(parts, handle);
  port = listener.port;
  const stopCompaction = startCompaction(settings.store, settings.logger);
  const { caCertificate, frontProxyCaCertificate } = pki;
  const facts = { ...settings, port, caCertificate, frontProxyCaCertificate };
  let stopKeeping = (): void => undefined;
  const close = async (): Promise<void> => {
    state.isClosing = true;
    stopCompaction();
    stopKeeping();
    parts.sampler.close();
    gateway.close();
    await listener.close();
    await closeParts(parts);
  };
  try {
    await ensureClusterObjects(api.objects, facts);
    const { logger, now } = settings;
    const stopCluster = keepClusterObjects(api.objects, facts, logger);
    const stopRenewal = startServingRenewal({ pki, listener, logger });
    const stopLoops = startServerLoops({
      objects: api.objects,
      rows: api.rows,
      access: parts.access,
      pki,
      logger,
      now,
    });
    stopKeeping = () => {
      stopCluster();
      stopLoops();
      stopRenewal();
    };
  } catch (error) {
    await close();
    throw error;
  }
  state.isBootstrapped = true;
  settings.logger.info({ port, address: settings.address }, 'API server listened');
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

async function withProtectedStore(settings: ServerSettings): Promise<ServerSettings> {
  const { store, encryption, dataDirectory, logger } = settings;
  const ownFile = join(dataDirectory, 'pki', 'encryption-config.json');
  return { ...settings, store: await protectStore(store, { ...encryption, ownFile, logger }) };
}

async function createParts(settings: ServerSettings): Promise<Parts> {
  const { store, logger, now, dataDirectory, issuer, serviceCidr, nodePortRange } = settings;
  const extraNames = [...settings.extraNames, settings.advertiseAddress];
  const pki = await openPki({ ...settings, extraNames, directory: join(dataDirectory, 'pki') });
  // Plugins read objects, and the verbs that make objects readable run plugins: the list is filled once both exist.
  const plugins: AdmissionPlugin[] = [];
  const admission = createAdmission(plugins);
  const api = await createApi({
    store,
    rows: builtinResources,
    admission,
    logger,
    serviceCidr,
    nodePortRange,
    clock: now,
  });
  const { objects } = api;
  const configured = await configuredAuthentication(settings.authentication, { apiAudiences: [issuer], logger, now });
  const access = createAccess({ objects, serviceAccountKey: pki.serviceAccountKey, issuer, configured, now });
  const gateway = createGateway({ logger: logger.child({ part: 'tunnel' }) });
  const connectToService = serviceConnections(objects, gateway);
  const definitions = new CustomResourceDefinitions({ objects, rows: api.rows, connectToService, logger, now });
  const credentials = () => pki.frontProxyCredentials();
  const aggregation = new Aggregation({ objects, connectToService, credentials, logger, now });
  const builtin = builtinAdmissionPlugins({
    objects,
    rows: api.rows,
    rbac: access.rbac,
    authorizer: access.authorizer,
    connectToService,
    now,
  });
  plugins.push(...builtin.plugins, definitionRules());
  return {
    settings,
    pki,
    admission,
    closeAdmission: builtin.close,
    api,
    access,
    gateway,
    sampler: new UsageSampler({ gateway, now, logger }),
    audit: settings.audit === undefined ? undefined : await openAudit(settings.audit, logger, now),
    flow: flowControl({ objects, seatsTotal, logger, now }),
    state: { isBootstrapped: false, isClosing: false },
    definitions,
    aggregation,
  };
}

async function closeParts({
  access,
  api,
  audit,
  flow,
  closeAdmission,
  definitions,
  aggregation,
}: Parts): Promise<void> {
  aggregation.close();
  await definitions.close();
  closeAdmission();
  flow.close();
  access.close();
  await api.close();
  await audit?.close();
}

async function openListener(parts: Parts, handle: Handler): Promise<Listener> {
  const { settings, pki } = parts;
  try {
    return await listen({
      address: settings.address,
      port: settings.port,
      certificate: pki.serving.certificate,
      key: pki.serving.key,
      clientAuthorities: pki.caCertificate,
      handle,
      logger: settings.logger,
    });
  } catch (error) {
    await closeParts(parts);
    throw error;
  }
}

/** The resources that are answered by a computation, not from the store. */
function serveSpecialResources({ settings, admission, api, access, gateway, sampler }: Parts): void {
  const { now, issuer, logger } = settings;
  const { authorizer, rbac, tokens, verifiers } = access;
  serveAccessReviews(api, authorizer, rbac);
  serveAuthenticationReviews(api, verifiers, now);
  serveTokenRequests(api, { tokens, admission, audiences: [issuer], now });
  serveComponentStatuses(api, now);
  serveResourceMetrics(api, sampler, now);
  registerStreams(api, gateway, { logger, now, admission });
}

function buildHandler(parts: Parts, serverAddress: () => string): Handler {
  const { settings, access, audit, flow, aggregation } = parts;
  const metrics = new ServerMetrics(flow.gauges);
  const filters = {
    requestInfo: requestInfoFilter(),
    metrics: metrics.filter(({ info }) => isLongRunning(info)),
    audit,
    errors: errorsFilter(settings.logger),
    deadline: deadlineFilter(settings.logger),
    authentication: authenticationFilter(access.authenticators),
    impersonation: impersonationFilter(access.authorizer),
    flowControl: flow.filter,
    authorization: authorizationFilter(access.authorizer),
    media: mediaFilter((context) => aggregation.handlerFor(context) !== undefined),
  };
  return buildRequestPath(filters, buildLastStage(parts, metrics, serverAddress));
}

/** What an agent that joins has to know of the cluster's network. */
function networkOf({ clusterCidr, serviceCidr, serviceIp, clusterDomain }: ServerSettings): object {
  // By convention: the first address of the service network is the server's, the tenth that of cluster DNS.
  return { clusterCidr, serviceCidr, clusterDns: serviceIp.replace(/\.\d+$/, '.10'), clusterDomain };
}

function buildLastStage(parts: Parts, metrics: ServerMetrics, serverAddress: () => string): Handler {
  const { settings, pki, api, access, gateway, state, aggregation } = parts;
  const discovery = createDiscovery(api.rows, serverAddress, aggregation);
  const openApi = createOpenApi(api.rows, settings.loadProse);
  const byPath = routeByPath([
    ...settings.extraRoutes,
    { matches: discovery.matches, handle: discovery.handler },
    { matches: openApi.matches, handle: openApi.handler },
    createHealth(serverChecks(api, settings.store, state)),
    metricsRoute(metrics),
    versionRoute(),
    joinRoute({ directory: settings.programDirectory, caCertificate: pki.caCertificate, network: networkOf(settings) }),
    ...openIdRoutes(access.tokens, settings.issuer),
    indexRoute(api.rows),
  ]);
  const connectTunnel = tunnelConnectHandler(gateway);
  const taskLog = taskLogHandler(api.objects, gateway);
  return (context) => {
    const elsewhere = aggregation.handlerFor(context);
    if (elsewhere !== undefined) return elsewhere(context);
    if (!context.info.isResourceRequest) return byPath(context);
    if (context.info.apiGroup === 'streams.roadstead.dev') return taskLog(context);
    return context.info.apiGroup === 'tunnel.roadstead.dev' ? connectTunnel(context) : api.handle(context);
  };
}
