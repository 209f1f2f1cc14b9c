import type { ResourceDefinition } from '../../api/resource.ts';
import {
  alreadyExists,
  conflict,
  internalError,
  notFound,
  serviceUnavailable,
  staleObjectMessage,
} from '../../machinery/status-error.ts';
import { isStoreError } from '../../store/contract.ts';

/** The one place where what the store says becomes what the API says. */
export function fromStoreError(error: unknown, row: ResourceDefinition, name: string): unknown {
  if (!isStoreError(error)) return error;
  switch (error.code) {
    case 'exists':
      return alreadyExists(row, name);
    case 'notFound':
      return notFound(row, name);
    case 'conflict':
      return conflict(row, name, staleObjectMessage);
    case 'full':
    case 'unavailable':
    case 'closed':
      return serviceUnavailable(error.message);
    default:
      return internalError(error.message);
  }
}
