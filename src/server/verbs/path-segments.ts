import { badRequest } from '../../machinery/status-error.ts';
import type { RequestInfo } from '../request.ts';

/**
 * An escaped slash must not make one part of a path two, for the store's keys are joined by slashes. The words are those of
 * k8s.io/apiserver/pkg/registry/generic/registry.NamespaceKeyFunc. Throws 400.
 */
export function checkPathSegments({ namespace, name, verb }: RequestInfo): void {
  check('Namespace', namespace);
  // The name of a list comes out of its field selector, where anything may stand.
  if (verb !== 'list' && verb !== 'watch' && verb !== 'deletecollection') check('Name', name);
}

function check(what: string, value: string): void {
  if (value.includes('/')) throw badRequest(`${what} parameter invalid: ${JSON.stringify(value)}: may not contain '/'`);
  if (value === '.' || value === '..') {
    throw badRequest(`${what} parameter invalid: ${JSON.stringify(value)}: may not be '${value}'`);
  }
}
