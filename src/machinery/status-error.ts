import { formatGroupResource } from './meta.ts';
import type { Status, StatusCause } from './meta-types.generated.ts';

const brand = Symbol.for('roadstead.ApiError');

/**
 * An answer of the API that is not a success: carries the `Status` that goes over the wire, whose words are upstream's
 * (k8s.io/apimachinery/pkg/api/errors), since kubectl prints them. Recognise one with `isNotFound` and its like, which
 * read `status.reason` and work across bundles; never by message or `instanceof`.
 */
export class ApiError extends Error {
  readonly [brand] = true;
  readonly status: Status;

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? 'unknown error', options);
    this.name = 'ApiError';
    this.status = status;
  }

  get code(): number {
    return this.status.code ?? 500;
  }
}

interface ResourceName {
  readonly group: string;
  readonly resource: string;
}

/** One thing wrong with one field. `type` gives upstream's wording; see `fieldErrorMessage`. */
export interface FieldError {
  readonly type:
    | 'required'
    | 'invalid'
    | 'duplicate'
    | 'notSupported'
    | 'notFound'
    | 'forbidden'
    | 'tooLong'
    | 'tooMany'
    | 'typeInvalid'
    | 'internal';
  /** `spec.containers[0].name`; `<nil>` never. */
  readonly field: string;
  readonly value?: unknown;
  /** The message says nothing of the value (`field.OmitValueType`). Default false. */
  readonly omitsValue?: boolean;
  readonly detail: string;
  /** For `notSupported`: what would have been accepted. */
  readonly supported?: readonly string[];
}

export function isApiError(error: unknown): error is ApiError {
  return typeof error === 'object' && error !== null && (error as { [brand]?: unknown })[brand] === true;
}

export function hasReason(error: unknown, reason: string): boolean {
  return isApiError(error) && error.status.reason === reason;
}

export const isNotFound = (error: unknown): boolean => hasReason(error, 'NotFound');
export const isAlreadyExists = (error: unknown): boolean => hasReason(error, 'AlreadyExists');
export const isConflict = (error: unknown): boolean => hasReason(error, 'Conflict');
export const isInvalid = (error: unknown): boolean => hasReason(error, 'Invalid');
export const isForbidden = (error: unknown): boolean => hasReason(error, 'Forbidden');
/** 410: the asked revision is compacted (`Expired`) or the watch fell behind (`Gone`). List again. */
export const isExpired = (error: unknown): boolean => hasReason(error, 'Expired') || hasReason(error, 'Gone');

/** Builds any Status failure; the named makers below cover what upstream words. */
export function apiError(code: number, reason: string, message: string, details?: Status['details']): ApiError {
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  });
}

export function notFound(of: ResourceName, name: string): ApiError {
  return apiError(404, 'NotFound', `${formatGroupResource(of)} "${name}" not found`, detailsOf(of, name));
}

export function alreadyExists(of: ResourceName, name: string): ApiError {
  return apiError(409, 'AlreadyExists', `${formatGroupResource(of)} "${name}" already exists`, detailsOf(of, name));
}

export function conflict(of: ResourceName, name: string, why: string): ApiError {
  return apiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${formatGroupResource(of)} "${name}": ${why}`,
    detailsOf(of, name),
  );
}

/** The words of upstream's registry when the resourceVersion of an update is not the latest. */
export const staleObjectMessage =
  'the object has been modified; please apply your changes to the latest version and try again';

export function forbidden(of: ResourceName, name: string, why: string): ApiError {
  const subject =
    name === '' ? `${formatGroupResource(of)} is forbidden` : `${formatGroupResource(of)} "${name}" is forbidden`;
  return apiError(403, 'Forbidden', `${subject}: ${why}`, detailsOf(of, name));
}

export function unauthorized(why = 'Unauthorized'): ApiError {
  return apiError(401, 'Unauthorized', why);
}

export function badRequest(why: string): ApiError {
  return apiError(400, 'BadRequest', why);
}

export function methodNotSupported(of: ResourceName, verb: string): ApiError {
  return apiError(
    405,
    'MethodNotAllowed',
    `${verb} is not supported on resources of kind "${formatGroupResource(of)}"`,
    detailsOf(of, ''),
  );
}

export function gone(why: string): ApiError {
  return apiError(410, 'Expired', why);
}

export function tooManyRequests(why: string, retryAfterSeconds: number): ApiError {
  return apiError(429, 'TooManyRequests', why, { retryAfterSeconds });
}

export function requestEntityTooLarge(why: string): ApiError {
  return apiError(413, 'RequestEntityTooLarge', why);
}

export function unsupportedMediaType(why: string): ApiError {
  return apiError(415, 'UnsupportedMediaType', why);
}

export function internalError(why: string): ApiError {
  return apiError(500, 'InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] });
}

export function serviceUnavailable(why: string): ApiError {
  return apiError(503, 'ServiceUnavailable', why);
}

export function timeoutError(why: string, retryAfterSeconds = 0): ApiError {
  return apiError(504, 'Timeout', `Timeout: ${why}`, { retryAfterSeconds });
}

/** 422 with every field error at once. */
export function invalid(of: { group: string; kind: string }, name: string, errors: readonly FieldError[]): ApiError {
  const qualified = of.group === '' ? of.kind : `${of.kind}.${of.group}`;
  const messages = errors.map((error) => `${error.field}: ${fieldErrorMessage(error)}`);
  const all = messages.length === 1 ? (messages[0] ?? '') : `[${messages.join(', ')}]`;
  return apiError(422, 'Invalid', `${qualified} "${name}" is invalid: ${all}`, {
    ...(name === '' ? {} : { name }),
    ...(of.group === '' ? {} : { group: of.group }),
    kind: of.kind,
    causes: errors.map(causeOf),
  });
}

/** The part after `path: `, worded as k8s.io/apimachinery/pkg/util/validation/field words it. */
export function fieldErrorMessage(error: FieldError): string {
  const detail = error.detail === '' ? '' : `: ${error.detail}`;
  switch (error.type) {
    case 'required':
      return `Required value${detail}`;
    case 'duplicate':
      return `Duplicate value: ${quoted(error.value)}${detail}`;
    case 'notSupported': {
      const supported = (error.supported ?? []).map((value) => JSON.stringify(value)).join(', ');
      return `Unsupported value: ${quoted(error.value)}${supported === '' ? detail : `: supported values: ${supported}`}`;
    }
    case 'notFound':
      return `Not found: ${quoted(error.value)}${detail}`;
    case 'forbidden':
      return `Forbidden${detail}`;
    case 'tooLong':
      return `Too long${detail}`;
    case 'tooMany':
      return `Too many${error.value === undefined ? '' : `: ${quoted(error.value)}`}${detail}`;
    case 'internal':
      return `Internal error${detail}`;
    default:
      return error.omitsValue === true ? `Invalid value${detail}` : `Invalid value: ${quoted(error.value)}${detail}`;
  }
}

const causeReasons: Record<FieldError['type'], string> = {
  required: 'FieldValueRequired',
  invalid: 'FieldValueInvalid',
  duplicate: 'FieldValueDuplicate',
  notSupported: 'FieldValueNotSupported',
  notFound: 'FieldValueNotFound',
  forbidden: 'FieldValueForbidden',
  tooLong: 'FieldValueTooLong',
  tooMany: 'FieldValueTooMany',
  typeInvalid: 'FieldValueTypeInvalid',
  internal: 'InternalError',
};

function causeOf(error: FieldError): StatusCause {
  return { reason: causeReasons[error.type], message: fieldErrorMessage(error), field: error.field };
}

function quoted(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  // A bigint stands for Go's unsigned numbers, which are printed like this.
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  return JSON.stringify(value);
}

function detailsOf({ group, resource }: ResourceName, name: string): NonNullable<Status['details']> {
  return { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource };
}
