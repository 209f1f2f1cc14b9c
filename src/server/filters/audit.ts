import type { Logger } from '../../machinery/logger.ts';
import { StartupError } from '../../machinery/startup-error.ts';
import { type AuditRecord, auditLine } from '../audit/event.ts';
import { LogFile } from '../audit/log-file.ts';
import { type AuditPolicy, type AuditStage, auditDecider, metadataPolicy, readAuditPolicy } from '../audit/policy.ts';
import { BufferedBody, readBody } from '../body.ts';
import { ServerContext } from '../http/context.ts';
import type { Filter, RequestContext } from '../request.ts';
import { isLongRunning } from './deadline.ts';

const mebibyte = 1024 * 1024;
const defaultMebibytesMax = 100;

export interface AuditOptions {
  /** `-` is standard output. */
  readonly logPath: string;
  /** An audit.k8s.io/v1 Policy. Absent: every request at level Metadata. */
  readonly policyFile?: string | undefined;
  /** Default 100. */
  readonly maxSizeMebibytes?: number | undefined;
  /** Default 0: all are kept. */
  readonly maxBackups?: number | undefined;
  /** Default 0: for ever. */
  readonly maxAgeDays?: number | undefined;
}

export interface Audit {
  /** Outermost: writes the last stage, when the client has its answer. */
  readonly end: Filter;
  /** Behind authentication: asks the policy about the user as it came in. */
  readonly begin: Filter;
  /** Behind authorization and media: keeps the body where the policy wants it. */
  readonly body: Filter;
  close(): Promise<void>;
}

/** Throws a StartupError for a policy that cannot be used and a file that cannot be written. */
export async function openAudit(options: AuditOptions, logger: Logger, now: () => number): Promise<Audit> {
  const { policyFile, logPath } = options;
  const policy = policyFile === undefined ? metadataPolicy : await readAuditPolicy(policyFile);
  const file = new LogFile({
    path: logPath,
    bytesMax: (options.maxSizeMebibytes || defaultMebibytesMax) * mebibyte,
    backupsMax: options.maxBackups ?? 0,
    ageDaysMax: options.maxAgeDays ?? 0,
    logger,
    now,
  });
  if (!file.isOpen)
    throw new StartupError(`The audit log ${logPath} cannot be opened; name another with --audit-log-path`);
  return { ...auditFilters(policy, (line) => file.write(line), now), close: () => file.close() };
}

export function auditFilters(
  policy: AuditPolicy,
  write: (line: string) => void,
  now: () => number,
): Omit<Audit, 'close'> {
  const decide = auditDecider(policy);
  const records = new WeakMap<RequestContext, AuditRecord>();
  const tell = (context: RequestContext, record: AuditRecord, stage: AuditStage): void => {
    const { level, omitStages } = record.decision;
    if (level !== 'None' && !omitStages.has(stage)) write(auditLine(context, record, stage, now()));
  };
  return {
    async end(context, next) {
      const receivedAt = now();
      try {
        await next();
      } finally {
        // None: refused before anybody knew who asks.
        const record = records.get(context) ?? { decision: decide(context), receivedAt };
        tell(context, record, 'ResponseComplete');
      }
    },
    begin(context, next) {
      const record: AuditRecord = { decision: decide(context), receivedAt: now() };
      records.set(context, record);
      if (record.decision.level === 'None') return next();
      if (context instanceof ServerContext) context.isAudited = true;
      context.response.setHeader('audit-id', context.id);
      tell(context, record, 'RequestReceived');
      if (isLongRunning(context.info)) context.response.onHead = () => tell(context, record, 'ResponseStarted');
      if (record.decision.level === 'RequestResponse') keepAnswer(context, record);
      return next();
    },
    async body(context, next) {
      const record = records.get(context);
      const level = record?.decision.level;
      if (record !== undefined && (level === 'Request' || level === 'RequestResponse')) await keepBody(context, record);
      return next();
    },
  };
}

const verbsWithBody = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

async function keepBody(context: RequestContext, record: AuditRecord): Promise<void> {
  const { info, headers } = context;
  const isKept = info.isResourceRequest && verbsWithBody.has(info.verb) && !isLongRunning(info);
  if (!isKept || !(context instanceof ServerContext)) return;
  const bytes = await readBody(context);
  record.requestBody = bytes;
  context.body = new BufferedBody(bytes);
  if (headers['content-length'] !== undefined) context.headers = { ...headers, 'content-length': String(bytes.length) };
}

function keepAnswer({ response }: RequestContext, record: AuditRecord): void {
  const send = response.send.bind(response);
  response.send = (statusCode, contentType, body) => {
    if (contentType.startsWith('application/json')) record.responseBody = body;
    send(statusCode, contentType, body);
  };
}
