import {
  type Host,
  type HostCondition,
  type HostFacts,
  type HostUsage,
  hosts,
  leaveFinalizer,
} from '../../api/fleet/v1/host.ts';
import type { Client } from '../../client/contract.ts';
import type { Logger } from '../../machinery/logger.ts';
import { OutageLog } from '../../machinery/outage-log.ts';
import { isAlreadyExists, isNotFound } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { pause } from '../pause.ts';
import { readHostFacts } from './host-facts.ts';
import { UsageMeter } from './host-usage.ts';

/** The server takes a host for lost after three of them. */
const reportMs = 15_000;
/** Facts change rarely: every so many reports. */
const factsEvery = 20;
const retryMsMin = 500;
const retryMsMax = 15_000;

export interface HostReporterOptions {
  readonly client: Client;
  readonly hostName: string;
  /** What a Host that is not there yet is made with. */
  readonly roles: readonly string[];
  readonly agentVersion: string;
  readonly dataDirectory: string;
  readonly addresses: () => Promise<readonly string[]>;
  /** The container engine as it calls itself; undefined when there is none, or it does not answer. */
  readonly engine: () => Promise<string | undefined>;
  /** Called once, when the host is to leave: its Host is being deleted. Absent: this host did not join, and cannot. */
  readonly leave?: (() => void) | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Makes this machine's Host and keeps its status until the signal aborts. Never rejects. */
export async function reportHost(options: HostReporterOptions): Promise<void> {
  const { logger, signal } = options;
  const outage = new OutageLog(logger, {
    failed: 'Host could not be reported',
    recovered: 'Host could be reported again',
  });
  const meter = new UsageMeter(options.dataDirectory);
  let retryMs = retryMsMin;
  let known: Host | undefined;
  let facts: HostFacts = {};
  for (let reports = 0; !signal.aborted; reports++) {
    try {
      if (reports % factsEvery === 0) facts = await readHostFacts();
      known = await report(options, known, { facts, usage: await meter.read() });
      outage.succeeded();
      if (known.metadata.deletionTimestamp !== undefined && options.leave !== undefined) {
        logger.info({}, 'Host is to leave');
        options.leave();
        return;
      }
      retryMs = retryMsMin;
      await pause(reportMs, signal);
    } catch (error) {
      if (signal.aborted) return;
      // The definition comes a moment after the server's first start.
      if (isNotFound(error)) known = undefined;
      else outage.failed(error);
      await pause(retryMs, signal);
      retryMs = Math.min(retryMs * 2, retryMsMax);
    }
  }
}

interface Measured {
  readonly facts: HostFacts;
  readonly usage: HostUsage;
}

async function report(
  options: HostReporterOptions,
  before: Host | undefined,
  { facts, usage }: Measured,
): Promise<Host> {
  const { client, hostName } = options;
  const resource = client.resource(hosts);
  const known = before ?? (await ensureHost(options));
  const [engine, addresses] = await Promise.all([options.engine(), options.addresses()]);
  const measured = { facts: engine === undefined ? facts : { ...facts, engine }, usage };
  const status = { ...statusOf(options, known, measured), addresses };
  return await resource.patch({ name: hostName }, { type: 'merge', body: { status } }, { subresource: 'status' });
}

async function ensureHost({ client, hostName, roles, leave }: HostReporterOptions): Promise<Host> {
  const resource = client.resource(hosts);
  try {
    return await resource.create({
      apiVersion: 'fleet.roadstead.dev/v1',
      kind: 'Host',
      // Held back until the host has cleaned up after itself.
      metadata: { name: hostName, ...(leave === undefined ? {} : { finalizers: [leaveFinalizer] }) },
      spec: { roles: [...roles] },
    });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return await resource.get({ name: hostName });
  }
}

function statusOf({ roles, agentVersion }: HostReporterOptions, known: Host, measured: Measured): object {
  const now = rfc3339(Date.now());
  const engineMissing = roles.includes('node') && measured.facts.engine === undefined;
  const ready = engineMissing
    ? { status: 'False' as const, reason: 'NoEngine', message: 'The container engine does not answer' }
    : { status: 'True' as const, reason: 'AgentReady', message: 'The agent does its work' };
  const connected = { status: 'True' as const, reason: 'AgentReporting', message: 'The agent reports' };
  const condition = (type: string, { status, reason, message }: typeof ready | typeof connected): HostCondition => {
    const old = known.status?.conditions?.find((one) => one.type === type);
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : now;
    return { type, status, reason, message, lastTransitionTime };
  };
  return {
    phase: engineMissing ? 'NotReady' : 'Ready',
    lastSeen: now,
    agentVersion,
    // A merge keeps what is not named; an engine that went away has to be.
    facts: { engine: null, ...measured.facts },
    usage: measured.usage,
    conditions: [condition('Connected', connected), condition('Ready', ready)],
  };
}
