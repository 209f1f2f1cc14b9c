import { isHttpHeaderName, isValidPortName, isValidPortNum } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import {
  type FieldPath,
  forbiddenField,
  invalidEach,
  invalidValue,
  notSupported,
  required,
} from '../../field-errors.ts';
import { negativeProblem } from './resource-list.ts';
import type { Container, EphemeralContainer, HTTPGetAction, LifecycleHandler, Probe } from './types.generated.ts';

const schemes: readonly string[] = ['HTTP', 'HTTPS'];

/** The three probes of a container. */
export function validateProbes(container: Container | EphemeralContainer, path: FieldPath, errors: FieldError[]): void {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  if (livenessProbe) {
    const at = path.child('livenessProbe');
    validateProbe(livenessProbe, at, errors);
    validateSingleSuccess(livenessProbe, at, errors);
  }
  if (readinessProbe) {
    const at = path.child('readinessProbe');
    validateProbe(readinessProbe, at, errors);
    const grace = readinessProbe.terminationGracePeriodSeconds;
    if (grace !== undefined && grace !== null) {
      errors.push(
        invalidValue(at.child('terminationGracePeriodSeconds'), grace, 'must not be set for readinessProbes'),
      );
    }
  }
  if (startupProbe) {
    const at = path.child('startupProbe');
    validateProbe(startupProbe, at, errors);
    validateSingleSuccess(startupProbe, at, errors);
  }
}

export function validateLifecycle(
  container: Container | EphemeralContainer,
  gracePeriodSeconds: number,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { lifecycle } = container;
  if (lifecycle === undefined || lifecycle === null) return;
  const at = path.child('lifecycle');
  if (lifecycle.postStart) validateHandler(lifecycle.postStart, gracePeriodSeconds, at.child('postStart'), errors);
  if (lifecycle.preStop) validateHandler(lifecycle.preStop, gracePeriodSeconds, at.child('preStop'), errors);
}

function validateProbe(probe: Probe, path: FieldPath, errors: FieldError[]): void {
  validateHandler(probe, 0, path, errors);
  nonNegative(probe.initialDelaySeconds, 'initialDelaySeconds', path, errors);
  nonNegative(probe.timeoutSeconds, 'timeoutSeconds', path, errors);
  nonNegative(probe.periodSeconds, 'periodSeconds', path, errors);
  nonNegative(probe.successThreshold, 'successThreshold', path, errors);
  nonNegative(probe.failureThreshold, 'failureThreshold', path, errors);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace !== null && grace <= 0) {
    errors.push(invalidValue(path.child('terminationGracePeriodSeconds'), grace, 'must be greater than 0'));
  }
}

function validateSingleSuccess(probe: Probe, path: FieldPath, errors: FieldError[]): void {
  if (probe.successThreshold !== 1) {
    errors.push(invalidValue(path.child('successThreshold'), probe.successThreshold, 'must be 1'));
  }
}

function nonNegative(value: number | undefined, name: string, path: FieldPath, errors: FieldError[]): void {
  if (value !== undefined && value < 0) errors.push(invalidValue(path.child(name), value, negativeProblem));
}

const oneHandlerProblem = 'may not specify more than 1 handler type';

function validateHandler(
  handler: LifecycleHandler & Pick<Probe, 'grpc'>,
  gracePeriodSeconds: number,
  path: FieldPath,
  errors: FieldError[],
): void {
  let count = 0;
  const isFirst = (name: string): boolean => {
    count++;
    if (count > 1) errors.push(forbiddenField(path.child(name), oneHandlerProblem));
    return count === 1;
  };
  if (handler.exec && isFirst('exec') && (handler.exec.command ?? []).length === 0) {
    errors.push(required(path.child('exec').child('command')));
  }
  if (handler.httpGet && isFirst('httpGet')) validateHttpGet(handler.httpGet, path.child('httpGet'), errors);
  if (handler.tcpSocket && isFirst('tcpSocket')) {
    validatePortNumOrName(handler.tcpSocket.port, path.child('tcpSocket').child('port'), errors);
  }
  if (handler.grpc && isFirst('grpc')) {
    const { port } = handler.grpc;
    invalidEach(errors, path.child('grpc').child('port'), port, isValidPortNum(port));
  }
  if (handler.sleep && isFirst('sleep')) {
    const { seconds } = handler.sleep;
    if (seconds < 0 || seconds > gracePeriodSeconds) {
      const detail = `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriodSeconds})`;
      errors.push(invalidValue(path.child('sleep'), seconds, detail));
    }
  }
  if (count === 0) errors.push(required(path, 'must specify a handler type'));
}

function validateHttpGet(get: HTTPGetAction, path: FieldPath, errors: FieldError[]): void {
  if (get.path === undefined || get.path === '') errors.push(required(path.child('path')));
  validatePortNumOrName(get.port, path.child('port'), errors);
  if (!schemes.includes(get.scheme ?? '')) errors.push(notSupported(path.child('scheme'), get.scheme ?? '', schemes));
  for (const header of get.httpHeaders ?? []) {
    invalidEach(errors, path.child('httpHeaders'), header.name, isHttpHeaderName(header.name ?? ''));
  }
}

export function validatePortNumOrName(port: number | string | undefined, path: FieldPath, errors: FieldError[]): void {
  if (typeof port === 'string') invalidEach(errors, path, port, isValidPortName(port));
  else invalidEach(errors, path, port ?? 0, isValidPortNum(port ?? 0));
}
