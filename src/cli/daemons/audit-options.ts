import { InvalidArgumentError } from 'commander';
import type { AuditOptions } from '../../server/filters/audit.ts';
import { UserError } from '../user-error.ts';

/** The flags of `roadstead server` about audit, named as kube-apiserver's. */
export interface AuditFlags {
  readonly auditPolicyFile?: string;
  readonly auditLogPath?: string;
  readonly auditLogMaxsize?: number;
  readonly auditLogMaxbackup?: number;
  readonly auditLogMaxage?: number;
}

/** Undefined: no audit. */
export function auditOptionsOf(flags: AuditFlags): AuditOptions | undefined {
  const { auditLogPath, auditPolicyFile } = flags;
  if (auditLogPath === undefined) {
    if (auditPolicyFile === undefined) return undefined;
    throw new UserError('--audit-policy-file says what to write, and nobody says where; add --audit-log-path <file>');
  }
  return {
    logPath: auditLogPath,
    policyFile: auditPolicyFile,
    maxSizeMebibytes: flags.auditLogMaxsize,
    maxBackups: flags.auditLogMaxbackup,
    maxAgeDays: flags.auditLogMaxage,
  };
}

/** For commander: a whole number that is not negative. */
export function parseCount(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Use a whole number.');
  return Number(text);
}
