import type { ResourceDefinition } from '../../../api/resource.ts';
import { clone, equal } from '../../../machinery/json.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { applyJsonPatch } from '../../../machinery/patch/json.ts';
import { internalError } from '../../../machinery/status-error.ts';
import { decodeFields } from '../../../machinery/unknown-fields.ts';
import type { RowCatalog } from '../../contract.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../request.ts';
import { convertObject, replaceContents } from '../matching/conversion.ts';
import type { ShownObjects } from '../matching/shown-objects.ts';
import type { CompiledWebhook, WebhookConfigurations } from './configurations.ts';
import type { WebhookMatcher } from './matching.ts';
import { type AdmissionResponse, askWebhook, denial, WebhookFailure } from './review.ts';
import { noteFailure, refuseUnsafeDryRun } from './validating.ts';

/** What the second round must know of the first. */
interface FirstRound {
  /** Webhooks that ask to see what later ones changed. */
  readonly wanted: Set<string>;
  /** The object as this plugin left it. */
  output: UnknownObject | undefined;
}

/** Asks the webhooks one after the other, each seeing what the one before it made of the object. */
export function mutatingWebhooks(
  configurations: WebhookConfigurations,
  matcher: WebhookMatcher,
  rows: RowCatalog,
): AdmissionPlugin {
  const rounds = new WeakMap<AdmissionAttributes, FirstRound>();

  const run = async (attributes: AdmissionAttributes, only?: FirstRound, built?: boolean): Promise<FirstRound> => {
    const round: FirstRound = { wanted: new Set(), output: undefined };
    const called: string[] = [];
    for (const webhook of configurations.all) {
      // In the second round: who asked for it, and only if somebody changed the object after it was seen.
      if (only !== undefined && !(webhook.reinvokes && (built === true || only.wanted.has(webhook.id)))) continue;
      const shown = await matcher.match(webhook, attributes);
      if (shown === undefined) continue;
      refuseUnsafeDryRun(webhook, attributes);
      const changed = await mutate(webhook, attributes, shown, rows);
      if (changed) for (const id of called) round.wanted.add(id);
      if (webhook.reinvokes) called.push(webhook.id);
    }
    return round;
  };

  return {
    name: 'MutatingAdmissionWebhook',
    handles: (attributes) => configurations.handle(attributes),
    async admit(attributes) {
      const before = attributes.object === undefined ? undefined : clone(attributes.object);
      const round = await run(attributes);
      if (before === undefined || equal(before, attributes.object)) return undefined;
      round.output = clone(attributes.object);
      rounds.set(attributes, round);
      return 'again';
    },
    async admitAgain(attributes) {
      const first = rounds.get(attributes);
      if (first === undefined) await run(attributes);
      else await run(attributes, first, !equal(first.output, attributes.object));
    },
  };
}

/** Answers whether the webhook changed the object. */
async function mutate(
  webhook: CompiledWebhook,
  attributes: AdmissionAttributes,
  shown: ShownObjects,
  rows: RowCatalog,
): Promise<boolean> {
  let response: AdmissionResponse;
  try {
    response = await askWebhook(webhook, attributes, shown);
  } catch (error) {
    if (!(error instanceof WebhookFailure)) throw error;
    noteFailure(webhook, attributes, error);
    return false;
  }
  if (response.allowed !== true) throw denial(webhook.name, response.status);
  if ((response.patch ?? '') === '') return false;
  const { object } = attributes;
  if (object === undefined || shown.object === undefined) {
    throw internalError(
      `admission webhook ${JSON.stringify(webhook.name)} attempted to modify the object, which is not supported for this operation`,
    );
  }
  const patched = applyPatch(shown.object, response.patch ?? '');
  const own = rows.find(attributes.group, attributes.version, attributes.resource);
  const known = shown.as === attributes ? own : rows.find(shown.as.group, shown.as.version, shown.as.resource);
  // The object of a subresource may be of a kind that has no row.
  const isOfRow = own !== undefined && known !== undefined && attributes.kind === own.kind;
  const result = isOfRow ? await readBack(patched, known, own) : patched;
  if (equal(result, object)) return false;
  replaceContents(object, result);
  return true;
}

function applyPatch(shown: UnknownObject, base64: string): UnknownObject {
  try {
    return applyJsonPatch(clone(shown), JSON.parse(Buffer.from(base64, 'base64').toString()));
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw internalError(cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause));
  }
}

/** What a patch left is an object like one that a client sent: decoded, brought to the request's version, defaulted. */
async function readBack(
  patched: UnknownObject,
  known: ResourceDefinition,
  own: ResourceDefinition,
): Promise<UnknownObject> {
  const { typeErrors } = decodeFields(patched, known.schema);
  const [typeError] = typeErrors;
  if (typeError !== undefined) {
    throw internalError(
      `${known.kind} in version "${known.version}" cannot be handled as a ${known.kind}: ${typeError}`,
    );
  }
  known.strategy.applyDefaults(patched);
  if (known === own) return patched;
  const converted = await convertObject(patched, known, own);
  own.strategy.applyDefaults(converted);
  return converted;
}
