import { forbidden } from '../../machinery/status-error.ts';
import type { AdmissionAttributes } from '../request.ts';

export { apiError, forbidden, notFound } from '../../machinery/status-error.ts';

export function formatForbidden(of: { group: string; resource: string }, name: string, why: string): string {
  return forbidden(of, name, why).message;
}

/** 403 naming the object that was refused. */
export function refuse({ group, resource, name, object }: AdmissionAttributes, why: string): Error {
  return forbidden({ group, resource }, name === '' ? (object?.metadata.name ?? '') : name, why);
}
