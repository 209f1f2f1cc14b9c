import { setTimeout as sleep } from 'node:timers/promises';
import { type Amounts, addAmounts, amountsOf, formatAmounts, toList } from '../../../api/core/v1/quota/amounts.ts';
import type { ResourceQuota } from '../../../api/core/v1/types.generated.ts';
import { as } from '../../../api/resource.ts';
import { compareQuantity, zeroQuantity } from '../../../machinery/quantity.ts';
import { conflict, isConflict, isNotFound } from '../../../machinery/status-error.ts';
import type { ObjectAccess } from '../../contract.ts';

export const resourceQuotas = { group: '', resource: 'resourcequotas' };

/** Rounds against other servers that write the same quotas. */
const roundsMax = 10;
/** A quota just made is waited for until its controller has counted what is there. */
const statusLookups = 20;
const statusLookupIntervalMs = 50;
/** Charges of one namespace that wait for the write before them. */
const waitingMax = 10_000;

/** What a request would add to the quotas of its namespace. */
export interface Charge {
  /** The names of `hard` this quota counts the object under; empty: it has nothing to do with the object. */
  countedBy(quota: ResourceQuota): readonly string[];
  /** Why the quota cannot be applied to the object, in upstream's words after `failed quota: `. */
  unsaid(quota: ResourceQuota, counted: readonly string[]): string;
  readonly delta: Amounts;
  readonly dryRun: boolean;
  /** The error the client is told. */
  refusal(why: string): Error;
}

interface Waiting {
  readonly charge: Charge;
  readonly settle: (error?: unknown) => void;
}

interface Account {
  readonly quota: ResourceQuota;
  readonly used: Amounts;
  isCharged: boolean;
}

/**
 * Keeps `status.used` of quotas true while many ask at once: charges of one namespace that come while a write is under
 * way are taken together in the next, one after the other against the same numbers.
 */
export class QuotaLedger {
  readonly #objects: ObjectAccess;
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(objects: ObjectAccess) {
    this.#objects = objects;
  }

  /** Resolves when every quota has room and is charged. Throws the refusal. */
  charge(namespace: string, charge: Charge): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown): void => {
        if (error === undefined) resolve();
        else reject(error);
      };
      const queue = this.#waiting.get(namespace);
      if (queue !== undefined) {
        if (queue.length >= waitingMax) reject(conflict(resourceQuotas, '', 'too many requests wait for this quota'));
        else queue.push({ charge, settle });
        return;
      }
      const first = [{ charge, settle }];
      this.#waiting.set(namespace, first);
      void this.#work(namespace);
    });
  }

  async #work(namespace: string): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(namespace) ?? [];
      if (batch.length === 0) {
        this.#waiting.delete(namespace);
        return;
      }
      this.#waiting.set(namespace, []);
      try {
        await this.#settle(namespace, batch);
      } catch (error) {
        for (const { settle } of batch) settle(error);
      }
    }
  }

  async #settle(namespace: string, batch: readonly Waiting[]): Promise<void> {
    for (let round = 1; ; round += 1) {
      const accounts = await this.#accounts(namespace, batch);
      const refusals = batch.map(({ charge }) => book(charge, accounts));
      try {
        await this.#write(namespace, accounts);
      } catch (error) {
        // Another server has charged meanwhile: with its numbers everything is decided anew.
        if (round < roundsMax && (isConflict(error) || isNotFound(error))) continue;
        throw error;
      }
      batch.forEach(({ settle }, index) => {
        settle(refusals[index]);
      });
      return;
    }
  }

  async #accounts(namespace: string, batch: readonly Waiting[]): Promise<Account[]> {
    for (let lookup = 1; ; lookup += 1) {
      await this.#objects.getFresh(resourceQuotas, namespace, '');
      const quotas = this.#objects.list(resourceQuotas, namespace).map((object) => as<ResourceQuota>(object));
      const isPending = quotas.some((quota) =>
        batch.some(({ charge }) => charge.countedBy(quota).some((name) => quota.status?.used?.[name] === undefined)),
      );
      if (!isPending || lookup >= statusLookups) {
        return quotas.map((quota) => ({ quota, used: amountsOf(quota.status?.used), isCharged: false }));
      }
      await sleep(statusLookupIntervalMs);
    }
  }

  async #write(namespace: string, accounts: readonly Account[]): Promise<void> {
    for (const { quota, used, isCharged } of accounts) {
      if (!isCharged) continue;
      const { name, resourceVersion } = quota.metadata;
      await this.#objects.modify(
        resourceQuotas,
        namespace,
        name,
        (object) => {
          if (object.metadata.resourceVersion !== resourceVersion)
            throw conflict(resourceQuotas, name, 'charged meanwhile');
          const current = as<ResourceQuota>(object);
          current.status = { ...current.status, used: toList(used) };
          return true;
        },
        'status',
      );
    }
  }
}

/** Charges every quota, or none and answers the refusal. */
function book(charge: Charge, accounts: readonly Account[]): Error | undefined {
  const charged: { account: Account; added: Amounts }[] = [];
  for (const account of accounts) {
    const { quota, used } = account;
    const { name } = quota.metadata;
    const counted = charge.countedBy(quota);
    if (counted.length === 0) continue;
    const unsaid = charge.unsaid(quota, counted);
    if (unsaid !== '') return charge.refusal(`failed quota: ${name}: ${unsaid}`);
    if (counted.some((one) => !used.has(one))) {
      return charge.refusal(`status unknown for quota: ${name}, resources: ${[...counted].sort().join(',')}`);
    }
    const added: Amounts = new Map();
    for (const one of counted) {
      const amount = charge.delta.get(one);
      if (amount !== undefined && amount.nanos > 0n) added.set(one, amount);
    }
    if (added.size === 0) continue;
    const excess = excessOf(account, added);
    if (excess !== '') return charge.refusal(`exceeded quota: ${name}, ${excess}`);
    charged.push({ account, added });
  }
  if (charge.dryRun) return undefined;
  for (const { account, added } of charged) {
    addAmounts(account.used, added);
    account.isCharged = true;
  }
  return undefined;
}

/** `requested: pods=1, used: pods=2, limited: pods=2`; empty when there is room. */
function excessOf({ quota, used }: Account, added: Amounts): string {
  const hard = amountsOf(quota.status?.hard);
  const [requested, taken, limited]: [Amounts, Amounts, Amounts] = [new Map(), new Map(), new Map()];
  for (const [name, amount] of added) {
    const limit = hard.get(name);
    const before = used.get(name) ?? zeroQuantity;
    if (limit === undefined) continue;
    const sum: Amounts = new Map([[name, before]]);
    addAmounts(sum, new Map([[name, amount]]));
    if (compareQuantity(sum.get(name) ?? amount, limit) <= 0) continue;
    requested.set(name, amount);
    taken.set(name, before);
    limited.set(name, limit);
  }
  if (requested.size === 0) return '';
  return `requested: ${formatAmounts(requested)}, used: ${formatAmounts(taken)}, limited: ${formatAmounts(limited)}`;
}
