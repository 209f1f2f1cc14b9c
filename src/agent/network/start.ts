import { join } from 'node:path';
import { endpointSlices, nodes, services } from '../../api/resource-types.ts';
import type { Client, InformerFactory } from '../../client/contract.ts';
import type { Logger } from '../../machinery/logger.ts';
import { AddressLeases } from './bridge/address-leases.ts';
import { deviceExists, ensureBridge } from './bridge/bridge.ts';
import { BridgeNetwork } from './bridge/bridge-network.ts';
import { ensureForwardAccept } from './bridge/forward-accept.ts';
import { podTableScript } from './bridge/pod-table.ts';
import { applyNft, runCommand } from './commands.ts';
import type { PodNetwork } from './contract.ts';
import { Answerer } from './dns/answerer.ts';
import { ClusterZone } from './dns/cluster-zone.ts';
import { Forwarder, hostNameServers } from './dns/forwarder.ts';
import { NodeDns } from './dns/server.ts';
import { informerRecords } from './dns/service-records.ts';
import { formatIpv4, gatewayOf, type Ipv4Network, parseNetwork } from './ipv4.ts';
import { bridgeName, podTable, policyTable, serviceTable } from './names.ts';
import { NodeRoutes } from './node-routes.ts';
import { NetworkPolicies } from './policy/network-policies.ts';
import { ServiceProxy } from './proxy/service-proxy.ts';
import { purgeNetwork } from './purge.ts';
import { findUplink, type Uplink } from './uplink.ts';

/** How often what others may have taken away is looked for and put back, in ms. */
const repairIntervalMs = 30_000;
const dnsPort = 53;

export interface StartNetworkOptions {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly nodeName: string;
  readonly podCidr: string;
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly clusterDnsIp: string;
  readonly clusterDomain: string;
  readonly stateDirectory: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface NodeNetwork {
  readonly podNetwork: PodNetwork;
  /** Stops the proxy and DNS, as the signal does. Pods keep their network unless `removeAll`. */
  close(options?: { removeAll?: boolean }): Promise<void>;
}

/**
 * Brings up this node's network: the bridge for pods, rules for services, and DNS. Resolves when pods can be attached;
 * services and names follow as soon as their informers are filled, so a server that is away holds up no pod.
 */
export async function startNetwork(options: StartNetworkOptions): Promise<NodeNetwork> {
  const logger = options.logger.child({ part: 'network' });
  const network = parseNetwork(options.podCidr);
  const leases = new AddressLeases(join(options.stateDirectory, 'leases'), network);
  const uplink = await findUplink();
  const base = new BaseNetwork({ ...options, logger }, network, uplink, leases);
  await base.build();
  const gateway = formatIpv4(gatewayOf(network));
  const podNetwork = new BridgeNetwork({
    leases,
    gateway,
    mtu: uplink.mtu,
    hostIps: [uplink.address || gateway],
    rebuildRules: () => base.buildTable(),
  });

  const proxyInformers = {
    services: options.informers.informer(services),
    slices: options.informers.informer(endpointSlices),
  };
  const proxy = new ServiceProxy({ ...options, ...proxyInformers, logger });
  const policies = new NetworkPolicies({ ...options, logger });
  const zone = new ClusterZone(options.clusterDomain, informerRecords(proxyInformers.services, proxyInformers.slices));
  const forwarder = new Forwarder({ servers: hostNameServers(options.clusterDnsIp), now: () => Date.now() });
  const answerer = new Answerer({
    zone,
    forwarder,
    ready: () => proxyInformers.services.synced && proxyInformers.slices.synced,
    logger,
  });
  const dns = new NodeDns({ address: options.clusterDnsIp, port: dnsPort, answerer, logger });
  await dns.ensure();
  new NodeRoutes({ nodes: options.informers.informer(nodes), nodeName: options.nodeName, logger }).start();
  options.informers.start(options.signal);
  const proxyStarted = startProxy(proxy, policies, options, logger);
  const repairs = setInterval(() => {
    const repaired = Promise.all([base.repair(proxy, policies), dns.ensure()]);
    repaired.catch((err: unknown) => logger.error({ err }, 'Repairing the network failed'));
  }, repairIntervalMs);

  let closing: Promise<void> | undefined;
  const close = async (removeAll: boolean): Promise<void> => {
    clearInterval(repairs);
    proxy.close();
    policies.close();
    await dns.close();
    await proxyStarted;
    if (removeAll) await purgeNetwork();
  };
  const closeOnce = ({ removeAll = false } = {}): Promise<void> => {
    closing ??= close(removeAll);
    return closing;
  };
  const stop = (): void => {
    closeOnce().catch((err: unknown) => logger.error({ err }, 'Stopping the network failed'));
  };
  options.signal.addEventListener('abort', stop, { once: true });
  return { podNetwork, close: closeOnce };
}

async function startProxy(
  proxy: ServiceProxy,
  policies: NetworkPolicies,
  options: StartNetworkOptions,
  logger: Logger,
): Promise<void> {
  try {
    await options.informers.synced(options.signal);
    policies.start();
    await proxy.start();
  } catch (err) {
    if (!options.signal.aborted) logger.error({ err }, 'Starting the service proxy failed');
  }
}

/** The bridge and the rules under it, and putting back what is lost of them. */
class BaseNetwork {
  readonly #options: StartNetworkOptions;
  readonly #network: Ipv4Network;
  readonly #uplink: Uplink;
  readonly #leases: AddressLeases;

  constructor(options: StartNetworkOptions, network: Ipv4Network, uplink: Uplink, leases: AddressLeases) {
    this.#options = options;
    this.#network = network;
    this.#uplink = uplink;
    this.#leases = leases;
  }

  async build(): Promise<void> {
    const { logger, serviceCidr, clusterDnsIp } = this.#options;
    const { mtu } = this.#uplink;
    await Promise.all([
      ensureBridge({ network: this.#network, mtu, serviceCidr, clusterDnsIp, logger }),
      this.buildTable(),
      ensureForwardAccept(),
    ]);
  }

  /** Firewalls that are reloaded flush every table, and Docker's start may bring back a policy of its own. */
  async repair(proxy: ServiceProxy, policies: NetworkPolicies): Promise<void> {
    if (!deviceExists(bridgeName)) await this.build();
    const tables = await runCommand('nft', ['list', 'tables', 'ip']);
    if (!tables.includes(`table ip ${podTable}\n`)) await this.buildTable();
    if (!tables.includes(`table ip ${serviceTable}\n`)) proxy.rebuild();
    if (policies.isNeeded && !tables.includes(`table ip ${policyTable}\n`)) policies.rebuild();
    await ensureForwardAccept();
  }

  async buildTable(): Promise<void> {
    const { podCidr, clusterCidr } = this.#options;
    await applyNft(podTableScript({ podCidr, clusterCidr, network: this.#network, leases: this.#leases.all() }));
  }
}
