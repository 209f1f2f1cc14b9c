import { badRequest, internalError } from '../../../machinery/status-error.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../request.ts';
import type { ShownObjects } from '../matching/shown-objects.ts';
import type { CompiledWebhook, WebhookConfigurations } from './configurations.ts';
import type { WebhookMatcher } from './matching.ts';
import { askWebhook, denial, WebhookFailure } from './review.ts';

/** Asks every webhook that wants the request at once; the first refusal in their order is the answer. */
export function validatingWebhooks(configurations: WebhookConfigurations, matcher: WebhookMatcher): AdmissionPlugin {
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: (attributes) => configurations.handle(attributes),
    async validate(attributes) {
      const asked: { webhook: CompiledWebhook; shown: ShownObjects }[] = [];
      for (const webhook of configurations.all) {
        const shown = await matcher.match(webhook, attributes);
        if (shown === undefined) continue;
        refuseUnsafeDryRun(webhook, attributes);
        asked.push({ webhook, shown });
      }
      const answers = await Promise.allSettled(asked.map(({ webhook, shown }) => ask(webhook, attributes, shown)));
      for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
    },
  };
}

async function ask(webhook: CompiledWebhook, attributes: AdmissionAttributes, shown: ShownObjects): Promise<void> {
  try {
    const { allowed, status } = await askWebhook(webhook, attributes, shown);
    if (allowed !== true) throw denial(webhook.name, status);
  } catch (error) {
    if (!(error instanceof WebhookFailure)) throw error;
    noteFailure(webhook, attributes, error);
  }
}

/** Throws what the client is told, or records that the webhook was passed over. */
export function noteFailure(webhook: CompiledWebhook, attributes: AdmissionAttributes, failure: WebhookFailure): void {
  if (!webhook.ignoresFailure) {
    throw internalError(`failed calling webhook ${JSON.stringify(webhook.name)}: ${failure.message}`);
  }
  const annotation = `failed-open.validation.webhook.admission.k8s.io/${webhook.configuration}`;
  attributes.annotations?.set(annotation, webhook.name);
}

export function refuseUnsafeDryRun(
  { name, isFreeOfSideEffects }: CompiledWebhook,
  { dryRun }: AdmissionAttributes,
): void {
  if (dryRun && !isFreeOfSideEffects) {
    throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`);
  }
}
