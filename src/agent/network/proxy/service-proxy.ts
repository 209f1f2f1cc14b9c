import type { Service } from '../../../api/core/v1/types.generated.ts';
import type { EndpointSlice } from '../../../api/discovery/v1/types.generated.ts';
import type { Informer } from '../../../client/contract.ts';
import type { Logger } from '../../../machinery/logger.ts';
import { objectKey } from '../../../machinery/meta.ts';
import { applyNft } from '../commands.ts';
import { PacedRuns } from '../paced-runs.ts';
import { type ServiceRules, serviceRules } from './rules.ts';
import { type ServicePort, serviceKeyOf, servicePortsOf } from './service-port.ts';
import { changeScript, emptyTableScript, type RulesChange } from './service-table.ts';
import { forgetUdpFlows, removedUdpTargets } from './stale-flows.ts';

/** Between runs of nft. */
const syncIntervalMs = 50;
const retryDelayMs = 1_000;
const sliceIndex = 'proxy.service';

export interface ServiceProxyOptions {
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  readonly nodeName: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly clusterDnsIp: string;
  readonly logger: Logger;
  /** Applies a script in one transaction; for tests. */
  readonly apply?: (script: string) => Promise<void>;
}

interface AppliedService {
  readonly ports: readonly ServicePort[];
  readonly rules: ServiceRules;
}

/**
 * Keeps the kernel's service table as Services and EndpointSlices say. Only services that changed are computed again,
 * and only what differs is told to the kernel, in one transaction; after a failure the whole table is.
 */
export class ServiceProxy {
  readonly #options: ServiceProxyOptions;
  readonly #apply: (script: string) => Promise<void>;
  readonly #applied = new Map<string, AppliedService>();
  /** `map key` -> the service that holds it: of two that claim an address the first keeps it. */
  readonly #owners = new Map<string, string>();
  readonly #outdone = new Set<string>();
  readonly #dirty = new Set<string>();
  #wholeTable = true;
  readonly #runs: PacedRuns;

  constructor(options: ServiceProxyOptions) {
    this.#options = options;
    this.#apply = options.apply ?? applyNft;
    this.#runs = new PacedRuns({
      run: () => this.#sync(),
      failed: (err) => {
        options.logger.error({ err }, 'Applying service rules failed');
        this.#wholeTable = true;
      },
      intervalMs: syncIntervalMs,
      retryMs: retryDelayMs,
    });
  }

  /** Call when both informers are synced. Resolves when the table stands for the first time. */
  async start(): Promise<void> {
    const { services, slices } = this.#options;
    slices.addIndex(sliceIndex, (slice) => {
      const key = serviceKeyOf(slice);
      return key === undefined ? [] : [key];
    });
    const touched = (service: Service): void => this.#touch(objectKey(service));
    const touchedSlice = (slice: EndpointSlice): void => {
      const key = serviceKeyOf(slice);
      if (key !== undefined) this.#touch(key);
    };
    services.addHandler({ added: touched, updated: (_, service) => touched(service), deleted: touched });
    slices.addHandler({
      added: touchedSlice,
      updated: (old, slice) => {
        touchedSlice(old);
        touchedSlice(slice);
      },
      deleted: touchedSlice,
    });
    this.#runs.ask();
    await this.settled();
  }

  /** Resolves when what is known now has been told to the kernel. */
  settled(): Promise<void> {
    return this.#runs.settled();
  }

  /** Builds the whole table again, after someone else took it away. */
  rebuild(): void {
    this.#wholeTable = true;
    this.#runs.ask();
  }

  /** Stops; the table stays and goes on serving. */
  close(): void {
    this.#runs.close();
  }

  #touch(key: string): void {
    this.#dirty.add(key);
    this.#runs.ask();
  }

  async #sync(): Promise<void> {
    const whole = this.#wholeTable;
    if (whole) {
      this.#applied.clear();
      this.#owners.clear();
      this.#outdone.clear();
      for (const service of this.#options.services.list()) this.#dirty.add(objectKey(service));
    }
    this.#wholeTable = false;
    const removed: ServicePort[] = [];
    const changes: RulesChange[] = [];
    const keys = [...this.#dirty];
    this.#dirty.clear();
    for (const key of keys) changes.push(this.#change(key, removed));
    const script = `${whole ? emptyTableScript(this.#options) : ''}${changeScript(changes)}`;
    if (script === '') return;
    await this.#apply(script);
    await forgetUdpFlows(removed.length === 0 ? [] : removedUdpTargets(removed, this.#currentPorts(keys)));
  }

  #change(key: string, removed: ServicePort[]): RulesChange {
    const before = this.#applied.get(key);
    const ports = this.#portsOf(key);
    if (before !== undefined) removed.push(...before.ports.filter(({ protocol }) => protocol === 'udp'));
    for (const element of before?.rules.elements.keys() ?? []) this.#owners.delete(element);
    const rules = ports.length === 0 ? undefined : serviceRules(ports, this.#options);
    this.#outdone.delete(key);
    for (const element of rules?.elements.keys() ?? []) {
      if (this.#owners.has(element)) {
        rules?.elements.delete(element);
        this.#outdone.add(key);
      } else this.#owners.set(element, key);
    }
    if (rules === undefined) this.#applied.delete(key);
    else this.#applied.set(key, { ports, rules });
    this.#retryOutdone(before?.rules);
    return { before: before?.rules, after: rules };
  }

  /** What a service no longer claims may be had by one that was second. */
  #retryOutdone(before: ServiceRules | undefined): void {
    if (this.#outdone.size === 0 || before === undefined) return;
    for (const element of before.elements.keys()) {
      if (this.#owners.has(element)) continue;
      for (const key of this.#outdone) this.#touch(key);
      return;
    }
  }

  #portsOf(key: string): ServicePort[] {
    const { services, slices, nodeName, clusterDnsIp } = this.#options;
    const service = services.get(key);
    if (service === undefined || service.spec?.clusterIP === clusterDnsIp) return [];
    return servicePortsOf({ service, slices: slices.byIndex(sliceIndex, key), nodeName });
  }

  #currentPorts(keys: readonly string[]): ServicePort[] {
    return keys.flatMap((key) => this.#applied.get(key)?.ports ?? []);
  }
}
