import type { MatchCondition } from '../../../api/admissionregistration/v1/types.generated.ts';
import { forbidden } from '../../../machinery/status-error.ts';
import type { ObjectAccess, RowCatalog } from '../../contract.ts';
import type { AdmissionAttributes } from '../../request.ts';
import { Equivalents, matchRules } from '../matching/rules.ts';
import { namespaceMatches, objectMatches } from '../matching/selectors.ts';
import { type ShownObjects, shownAs } from '../matching/shown-objects.ts';
import type { CompiledWebhook } from './configurations.ts';

/** Whether every condition holds. Rejects with an Error for an expression that cannot be evaluated. */
export type CheckConditions = (
  conditions: readonly MatchCondition[],
  attributes: AdmissionAttributes,
  shown: ShownObjects,
) => Promise<boolean>;

/** Decides which webhooks are asked about a request, and in which version they are shown it. */
export class WebhookMatcher {
  readonly #objects: ObjectAccess;
  readonly #rows: RowCatalog;
  readonly #equivalents: Equivalents;
  readonly #checkConditions: CheckConditions;

  constructor(options: { objects: ObjectAccess; rows: RowCatalog; checkConditions: CheckConditions }) {
    this.#objects = options.objects;
    this.#rows = options.rows;
    this.#equivalents = new Equivalents(options.rows);
    this.#checkConditions = options.checkConditions;
  }

  /** What the webhook is to be shown; undefined: it is not asked. Throws 403 when its conditions cannot be evaluated. */
  async match(webhook: CompiledWebhook, attributes: AdmissionAttributes): Promise<ShownObjects | undefined> {
    const as = matchRules(webhook.rules, attributes, (subject) => this.#equivalents.of(subject));
    if (as === undefined) return undefined;
    if (!(await namespaceMatches(webhook.namespaceSelector, attributes, this.#objects))) return undefined;
    if (!objectMatches(webhook.objectSelector, attributes)) return undefined;
    const shown = await shownAs(as, attributes, this.#rows);
    return (await this.#meetsConditions(webhook, attributes, shown)) ? shown : undefined;
  }

  async #meetsConditions(
    webhook: CompiledWebhook,
    attributes: AdmissionAttributes,
    shown: ShownObjects,
  ): Promise<boolean> {
    if (webhook.matchConditions.length === 0) return true;
    try {
      return await this.#checkConditions(webhook.matchConditions, attributes, shown);
    } catch (error) {
      if (webhook.ignoresFailure) return false;
      throw forbidden(attributes, attributes.name, error instanceof Error ? error.message : String(error));
    }
  }
}
