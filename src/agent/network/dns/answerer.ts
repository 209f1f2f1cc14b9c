import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  type DecodedPacket,
  decode,
  encode,
  type Packet,
  type Question,
} from 'dns-packet';
import type { Logger } from '../../../machinery/logger.ts';
import type { ClusterZone } from './cluster-zone.ts';
import type { Forwarder } from './forwarder.ts';

const recursionDesired = 1 << 8;
const recursionAvailable = 1 << 7;
const truncated = 1 << 9;
const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4 } as const;
const udpSizeDefault = 512;
/** What fits a packet on any path. */
const udpSizeOffered = 1232;
/** Aliases followed from one question. */
const aliasesMax = 8;

export interface AnswererOptions {
  readonly zone: ClusterZone;
  readonly forwarder: Forwarder;
  /** False while the records are not all there: a name must not be called missing for that. */
  readonly ready: () => boolean;
  readonly logger: Logger;
}

/** Turns a query packet into an answer packet. */
export class Answerer {
  readonly #options: AnswererOptions;

  constructor(options: AnswererOptions) {
    this.#options = options;
  }

  /** Undefined for what deserves no answer. Never throws. */
  async answer(query: Buffer, tcp: boolean): Promise<Buffer | undefined> {
    let packet: DecodedPacket;
    try {
      packet = decode(query);
    } catch {
      return query.length < 12
        ? undefined
        : encode({ id: query.readUInt16BE(0), type: 'response', flags: rcodes.FORMERR });
    }
    if (packet.type === 'response') return undefined;
    try {
      return await this.#respond(query, packet, tcp);
    } catch (err) {
      this.#options.logger.warn({ err }, 'Answering a DNS query failed');
      return respond(packet, { rcode: 'SERVFAIL' });
    }
  }

  async #respond(query: Buffer, packet: DecodedPacket, tcp: boolean): Promise<Buffer> {
    const question = packet.questions?.[0];
    if (question === undefined || opcodeOf(packet) !== 0) return respond(packet, { rcode: 'NOTIMP' });
    const { zone, forwarder, ready } = this.#options;
    const found = zone.resolve(question);
    if (found?.answers.length === 0 && !ready()) return respond(packet, { rcode: 'SERVFAIL' });
    if (found === undefined) {
      const forwarded = await forwarder.forward(query, question, tcp);
      return forwarded ?? respond(packet, { rcode: 'SERVFAIL' });
    }
    const followed = found.follow === undefined ? [] : await this.#follow(found.follow, question);
    const answers = [...found.answers, ...followed];
    const authorities = answers.length === 0 ? [zone.authority()] : [];
    const response = respond(packet, { ...found, answers, authorities });
    return tcp || response.length <= udpSizeOf(packet) ? response : respond(packet, { rcode: found.rcode, cut: true });
  }

  /** The records at the end of an alias: clients do not look for them themselves. */
  async #follow(target: string, { type }: Question): Promise<Answer[]> {
    const records: Answer[] = [];
    let name = target;
    for (let step = 0; step < aliasesMax; step += 1) {
      const found = this.#options.zone.resolve({ name, type });
      if (found === undefined) return [...records, ...(await this.#lookUp(name, type))];
      records.push(...found.answers);
      if (found.follow === undefined) return records;
      name = found.follow;
    }
    return records;
  }

  async #lookUp(name: string, type: Question['type']): Promise<Answer[]> {
    const id = Math.floor(Math.random() * 65_536);
    const query = encode({ type: 'query', id, flags: recursionDesired, questions: [{ name, type }] });
    const answer = await this.#options.forwarder.forward(query, { name, type }, false);
    return answer === undefined ? [] : (decode(answer).answers ?? []);
  }
}

interface ResponseParts {
  readonly rcode: keyof typeof rcodes;
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  readonly additionals?: readonly Answer[];
  readonly cut?: boolean;
}

function respond(query: DecodedPacket, parts: ResponseParts): Buffer {
  const asked = (query.flags ?? 0) & recursionDesired;
  const flags =
    AUTHORITATIVE_ANSWER | recursionAvailable | asked | rcodes[parts.rcode] | (parts.cut === true ? truncated : 0);
  const additionals: Answer[] = [...(parts.additionals ?? [])];
  if (optionOf(query) !== undefined) {
    additionals.push({
      type: 'OPT',
      name: '.',
      udpPayloadSize: udpSizeOffered,
      extendedRcode: 0,
      ednsVersion: 0,
      flags: 0,
      flag_do: false,
      options: [],
    });
  }
  const response: Packet = {
    id: query.id ?? 0,
    type: 'response',
    flags,
    questions: query.questions ?? [],
    answers: [...(parts.answers ?? [])],
    authorities: [...(parts.authorities ?? [])],
    additionals,
  };
  return encode(response);
}

/** 0 is a standard query. */
function opcodeOf({ flags = 0 }: DecodedPacket): number {
  return (flags >> 11) & 15;
}

function optionOf(query: DecodedPacket): { readonly udpPayloadSize: number } | undefined {
  for (const record of query.additionals ?? []) if (record.type === 'OPT') return record;
  return undefined;
}

function udpSizeOf(query: DecodedPacket): number {
  return Math.max(udpSizeDefault, optionOf(query)?.udpPayloadSize ?? 0);
}
