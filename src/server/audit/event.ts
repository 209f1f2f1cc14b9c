import { isJsonObject } from '../../machinery/json.ts';
import { ServerContext } from '../http/context.ts';
import type { RequestContext, UserInfo } from '../request.ts';
import type { AuditDecision, AuditStage } from './policy.ts';

/** What is remembered of a request until its last stage is written. */
export interface AuditRecord {
  readonly decision: AuditDecision;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** JSON as it was sent; absent below level Request. */
  requestBody?: Uint8Array;
  /** JSON as it was answered; absent below level RequestResponse. */
  responseBody?: Uint8Array | string;
}

/** One line: an audit.k8s.io/v1 Event. */
export function auditLine(context: RequestContext, record: AuditRecord, stage: AuditStage, now: number): string {
  const { info, headers, response } = context;
  const { decision, receivedAt } = record;
  const impersonator = context instanceof ServerContext ? context.impersonator : undefined;
  const isAnswered = stage !== 'RequestReceived';
  return `${JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: decision.level,
    auditID: context.id,
    stage,
    requestURI: requestUri(context),
    verb: info.verb,
    user: describe(impersonator ?? context.user),
    ...(impersonator === undefined ? {} : { impersonatedUser: describe(context.user) }),
    sourceIPs: context.remoteAddress === '' ? undefined : [context.remoteAddress],
    userAgent: headers['user-agent'],
    ...(info.isResourceRequest ? { objectRef: objectRefOf(info) } : {}),
    ...(isAnswered ? { responseStatus: { metadata: {}, code: response.statusCode } } : {}),
    requestObject: objectOf(record.requestBody, decision.omitManagedFields),
    responseObject: isAnswered ? objectOf(record.responseBody, decision.omitManagedFields) : undefined,
    requestReceivedTimestamp: microTime(receivedAt),
    stageTimestamp: microTime(now),
    annotations: isAnswered ? Object.fromEntries(context.annotations) : undefined,
  })}\n`;
}

function requestUri(context: RequestContext): string {
  if (context instanceof ServerContext && !context.hasQuery) return context.path;
  const query = context.query.toString();
  return query === '' ? context.path : `${context.path}?${query}`;
}

function microTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`;
}

function describe({ name, uid, groups, extra }: UserInfo): object {
  return { username: name, uid, groups, extra };
}

function objectRefOf(info: RequestContext['info']): Record<string, string> {
  const { resource, namespace, name, apiGroup, apiVersion, subresource } = info;
  const all = { resource, namespace, name, apiGroup, apiVersion, subresource };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}

/** Undefined for what is no JSON: it was refused, or is no object at all. */
function objectOf(body: Uint8Array | string | undefined, omitManagedFields: boolean): unknown {
  if (body === undefined || body.length === 0) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(typeof body === 'string' ? body : Buffer.from(body).toString());
  } catch {
    return undefined;
  }
  if (omitManagedFields && isJsonObject(value)) {
    dropManagedFields(value);
    const { items } = value;
    if (Array.isArray(items)) for (const item of items as unknown[]) dropManagedFields(item);
  }
  return value;
}

function dropManagedFields(value: unknown): void {
  if (isJsonObject(value) && isJsonObject(value['metadata'])) delete value['metadata']['managedFields'];
}
