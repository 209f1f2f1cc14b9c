import { createWriteStream, type WriteStream } from 'node:fs';
import type { Logger } from '../../machinery/logger.ts';
import { ServerContext } from '../http/context.ts';
import type { Filter, RequestContext, UserInfo } from '../request.ts';

/** Bytes of lines that wait for the disk; past it lines are dropped and counted, so a slow disk cannot fill memory. */
const bufferedBytesMax = 4 * 1024 * 1024;

export interface AuditLog {
  readonly filter: Filter;
  close(): Promise<void>;
}

export const noAudit: AuditLog = { filter: (_context, next) => next(), close: () => Promise.resolve() };

/** One JSON line an answer, in the form of audit.k8s.io/v1 Event at level Metadata. */
export function openAuditLog(path: string, logger: Logger): AuditLog {
  const out = createWriteStream(path, { flags: 'a', mode: 0o600 });
  out.on('error', (error) => logger.error({ err: error, path }, 'Audit log could not be written'));
  let dropped = 0;
  return {
    async filter(context, next) {
      const received = new Date();
      try {
        await next();
      } finally {
        if (out.writableLength > bufferedBytesMax) dropped += 1;
        else out.write(auditLine(context, received));
      }
    },
    close: () => closeStream(out, () => dropped > 0 && logger.warn({ dropped }, 'Audit lines were dropped')),
  };
}

function closeStream(out: WriteStream, before: () => unknown): Promise<void> {
  before();
  return new Promise((resolve) => out.end(() => resolve()));
}

function auditLine(context: RequestContext, received: Date): string {
  const { info, headers } = context;
  const impersonator = context instanceof ServerContext ? context.impersonator : undefined;
  const user = impersonator ?? context.user;
  const impersonated = impersonator === undefined ? {} : { impersonatedUser: describe(context.user) };
  return `${JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: context.id,
    stage: 'ResponseComplete',
    requestURI: context.path,
    verb: info.verb,
    user: describe(user),
    ...impersonated,
    sourceIPs: [context.remoteAddress],
    userAgent: headers['user-agent'],
    ...(info.isResourceRequest ? { objectRef: objectRefOf(info) } : {}),
    responseStatus: { metadata: {}, code: context.response.statusCode },
    requestReceivedTimestamp: received.toISOString(),
    stageTimestamp: new Date().toISOString(),
    annotations: Object.fromEntries(context.annotations),
  })}\n`;
}

function describe({ name, uid, groups, extra }: UserInfo): object {
  return { username: name, uid, groups, extra };
}

function objectRefOf(info: RequestContext['info']): Record<string, string> {
  const { resource, namespace, name, apiGroup, apiVersion, subresource } = info;
  const all = { resource, namespace, name, apiGroup, apiVersion, subresource };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}
