import { randomUUID } from 'node:crypto';
import { isJsonObject } from '../../../machinery/json.ts';
import type { Status } from '../../../machinery/meta-types.generated.ts';
import { ApiError } from '../../../machinery/status-error.ts';
import type { AdmissionAttributes } from '../../request.ts';
import { kindOf, type ShownObjects, shownUser } from '../matching/shown-objects.ts';
import type { CompiledWebhook } from './configurations.ts';

/** admission.k8s.io AdmissionResponse. */
export interface AdmissionResponse {
  readonly uid?: string;
  readonly allowed?: boolean;
  readonly status?: Partial<Status>;
  /** base64 */
  readonly patch?: string;
  readonly patchType?: string;
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

/** A webhook could not be asked, or did not answer as it must: what `failurePolicy` is about. */
export class WebhookFailure extends Error {}

/** Asks one webhook. Throws WebhookFailure. Warnings and audit annotations are passed on. */
export async function askWebhook(
  webhook: CompiledWebhook,
  attributes: AdmissionAttributes,
  shown: ShownObjects,
): Promise<AdmissionResponse> {
  const review = reviewOf(webhook, attributes, shown);
  let answer: unknown;
  try {
    answer = await webhook.client.post(review, webhook.timeoutSeconds);
  } catch (error) {
    throw new WebhookFailure(`failed to call webhook: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const response = responseOf(answer, review);
  for (const warning of response.warnings ?? []) attributes.warnings.push(warning);
  for (const [key, value] of Object.entries(response.auditAnnotations ?? {})) {
    attributes.annotations?.set(`${webhook.name}/${key}`, value);
  }
  return response;
}

function reviewOf({ reviewVersion }: CompiledWebhook, attributes: AdmissionAttributes, shown: ShownObjects) {
  const { operation, user, group, version, resource, subresource, dryRun, options } = attributes;
  const isNamespaceObject = group === '' && resource === 'namespaces';
  const namespace = isNamespaceObject ? attributes.name : attributes.namespace;
  const part = subresource === '' ? {} : { subResource: subresource, requestSubResource: subresource };
  return {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${reviewVersion}`,
    request: {
      uid: randomUUID(),
      kind: kindOf(shown.object ?? shown.oldObject, shown.as),
      resource: { group: shown.as.group, version: shown.as.version, resource: shown.as.resource },
      requestKind: kindOf(attributes.object ?? attributes.oldObject, attributes),
      requestResource: { group, version, resource },
      ...part,
      ...(attributes.name === '' ? {} : { name: attributes.name }),
      ...(namespace === '' ? {} : { namespace }),
      operation,
      userInfo: shownUser(user),
      object: shown.object ?? null,
      oldObject: shown.oldObject ?? null,
      dryRun,
      options: Object.keys(options).length === 0 ? null : options,
    },
  };
}

function responseOf(answer: unknown, asked: ReturnType<typeof reviewOf>): AdmissionResponse {
  const review = isJsonObject(answer) ? answer : {};
  const expected = `${asked.apiVersion}, Kind=AdmissionReview`;
  const got = `${String(review['apiVersion'] ?? '')}, Kind=${String(review['kind'] ?? '')}`;
  if (asked.apiVersion === 'admission.k8s.io/v1' && got !== expected) {
    throw new WebhookFailure(`received invalid webhook response: expected webhook response of ${expected}, got ${got}`);
  }
  const { response } = review;
  if (!isJsonObject(response))
    throw new WebhookFailure('received invalid webhook response: webhook response was absent');
  const parsed = response as AdmissionResponse;
  if (asked.apiVersion === 'admission.k8s.io/v1' && parsed.uid !== asked.request.uid) {
    const [wanted, given] = [JSON.stringify(asked.request.uid), JSON.stringify(parsed.uid ?? '')];
    throw new WebhookFailure(`received invalid webhook response: expected response.uid=${wanted}, got ${given}`);
  }
  const hasPatch = (parsed.patch ?? '') !== '';
  if (hasPatch && parsed.patchType !== 'JSONPatch') {
    throw new WebhookFailure(
      `received invalid webhook response: webhook returned response.patch but not response.patchType`,
    );
  }
  return parsed;
}

/** What the client is told, as k8s.io/apiserver/pkg/admission/plugin/webhook/errors.ToStatusErr words it. */
export function denial(webhookName: string, status: Partial<Status> = {}): ApiError {
  const by = `admission webhook ${JSON.stringify(webhookName)} denied the request`;
  const explanation = [status.message, status.reason].find((text) => text !== undefined && text !== '');
  return new ApiError({
    ...status,
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: explanation === undefined ? `${by} without explanation` : `${by}: ${explanation}`,
    code: Math.max(status.code ?? 0, 400),
  });
}
