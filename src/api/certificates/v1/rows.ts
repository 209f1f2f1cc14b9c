import { isDns1123Subdomain } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { humanDuration } from '../../../machinery/time.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { isConditionTrue } from '../../conditions.ts';
import { checkImmutable, checkRequiredChoice } from '../../field-checks.ts';
import {
  forbiddenField,
  invalidEach,
  invalidValue,
  notSupported,
  required,
  specPath,
  statusPath,
} from '../../field-errors.ts';
import type { ResourceDefinition, UpdateStrategy } from '../../resource.ts';
import { as } from '../../resource.ts';
import { defineResource, statusStrategy } from '../../strategy.ts';
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from './types.generated.ts';

const expirationSecondsMin = 600;
const decisions = ['Approved', 'Denied'];

export const certificatesResources: readonly ResourceDefinition[] = [
  defineResource<CertificateSigningRequest>({
    group: 'certificates.k8s.io',
    version: 'v1',
    kind: 'CertificateSigningRequest',
    resource: 'certificatesigningrequests',
    shortNames: ['csr'],
    namespaced: false,
    schema: 'certificates/v1.CertificateSigningRequest',
    columns: [
      nameColumn,
      ageColumn,
      column<CertificateSigningRequest>('SignerName', ({ spec }) => spec.signerName ?? '<none>'),
      column<CertificateSigningRequest>('Requestor', ({ spec }) => spec.username ?? ''),
      column<CertificateSigningRequest>('RequestedDuration', ({ spec }) =>
        spec.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
      ),
      column<CertificateSigningRequest>('Condition', conditionCell),
    ],
    selectableFields: { 'spec.signerName': ({ spec }) => spec.signerName ?? '' },
    statusSubresource: {
      prepareForUpdate: keepDecisions,
      validateUpdate: (request, old) => validateConditions(request, old),
    },
    subresources: [
      {
        name: 'approval',
        kind: 'CertificateSigningRequest',
        verbs: ['get', 'patch', 'update'],
        serve: 'status',
        strategy: approvalStrategy(),
      },
    ],
    // Who asks is for the server to say, from the request's user; updates keep it.
    prepareForUpdate(request, old) {
      request.spec = old.spec;
    },
    defaults(request) {
      request.spec ??= { request: '', signerName: '' };
    },
    validate: validateRequest,
    validateUpdate(request, old) {
      const errors: FieldError[] = [];
      checkImmutable(errors, specPath, request.spec, old.spec);
      return errors;
    },
  }),
];

/** `Approved,Issued`: the decision, then what came of it. */
function conditionCell({ status }: CertificateSigningRequest): string {
  const conditions = status?.conditions;
  const words = ['Approved', 'Denied', 'Failed'].filter((type) => isConditionTrue(conditions, type));
  const text = words.length === 0 ? ['Pending'] : words;
  if ((status?.certificate ?? '') !== '') text.push('Issued');
  return text.join(',');
}

/** Approving writes the two decisions and nothing else; the status write leaves them alone. */
function approvalStrategy(): UpdateStrategy {
  return statusStrategy<CertificateSigningRequest>({
    prepareForUpdate(request, old) {
      request.status = { ...old.status, conditions: request.status?.conditions ?? [] };
      stampConditions(request, old);
    },
    validateUpdate: (request, old) => validateConditions(request, old),
  });
}

function keepDecisions(request: CertificateSigningRequest, old: CertificateSigningRequest): void {
  const isDecision = ({ type }: CertificateSigningRequestCondition): boolean => decisions.includes(type);
  const written = (request.status?.conditions ?? []).filter((condition) => !isDecision(condition));
  const conditions = [...(old.status?.conditions ?? []).filter(isDecision), ...written];
  request.status = { ...request.status, ...(conditions.length === 0 ? {} : { conditions }) };
  stampConditions(request, old);
}

/** A condition that the client did not date keeps the time it had. */
function stampConditions(request: CertificateSigningRequest, old: CertificateSigningRequest): void {
  for (const condition of as<CertificateSigningRequest>(request).status?.conditions ?? []) {
    const before = old.status?.conditions?.find(({ type }) => type === condition.type);
    if (condition.lastUpdateTime === undefined && before?.lastUpdateTime !== undefined) {
      condition.lastUpdateTime = before.lastUpdateTime;
    }
    if (condition.lastTransitionTime === undefined && before?.lastTransitionTime !== undefined) {
      condition.lastTransitionTime = before.lastTransitionTime;
    }
  }
}

/** What was decided stays decided, one way. */
function validateConditions(request: CertificateSigningRequest, old: CertificateSigningRequest): FieldError[] {
  const errors: FieldError[] = [];
  const path = statusPath.child('conditions');
  const conditions = request.status?.conditions ?? [];
  const has = ({ status }: CertificateSigningRequest, type: string): boolean =>
    status?.conditions?.some((condition) => condition.type === type) === true;
  for (const type of ['Approved', 'Denied', 'Failed']) {
    if (has(old, type) && !has(request, type)) {
      errors.push(forbiddenField(path, `updates may not remove a condition of type "${type}"`));
    }
  }
  const denied = conditions.findIndex(({ type }) => type === 'Denied');
  if (denied >= 0 && has(request, 'Approved')) {
    errors.push(
      invalidValue(path.index(denied).child('type'), 'Denied', 'Approved and Denied conditions are mutually exclusive'),
    );
  }
  conditions.forEach(({ type, status }, index) => {
    if ((type ?? '') === '') errors.push(required(path.index(index).child('type')));
    checkRequiredChoice(errors, path.index(index).child('status'), status, ['False', 'True', 'Unknown']);
    if (decisions.includes(type) && status !== undefined && status !== 'True') {
      errors.push(notSupported(path.index(index).child('status'), status, ['True']));
    }
  });
  return errors;
}

function validateRequest({ spec }: CertificateSigningRequest): FieldError[] {
  const errors: FieldError[] = [];
  const requestPath = specPath.child('request');
  const pem = Buffer.from(spec.request ?? '', 'base64').toString('latin1');
  if (!pem.includes('-----BEGIN CERTIFICATE REQUEST-----')) {
    const detail = 'PEM block type must be CERTIFICATE REQUEST';
    errors.push(invalidValue(requestPath, spec.request ?? '', detail));
  }
  if ((spec.usages?.length ?? 0) === 0) errors.push(required(specPath.child('usages')));
  const { signerName = '', expirationSeconds } = spec;
  const signerPath = specPath.child('signerName');
  const [domain = '', path] = signerName.split('/');
  if (signerName === '') errors.push(required(signerPath));
  else if (path === undefined || path === '') {
    const detail = 'must be a fully qualified domain and path of the form "example.com/signer-name"';
    errors.push(invalidValue(signerPath, signerName, detail));
  } else invalidEach(errors, signerPath, domain, isDns1123Subdomain(domain));
  if (signerName === 'kubernetes.io/legacy-unknown') {
    errors.push(invalidValue(signerPath, signerName, 'the legacy signerName is not allowed via this API version'));
  }
  if (expirationSeconds !== undefined && expirationSeconds < expirationSecondsMin) {
    const detail = 'may not specify a duration less than 600 seconds (10 minutes)';
    errors.push(invalidValue(specPath.child('expirationSeconds'), expirationSeconds, detail));
  }
  return errors;
}
