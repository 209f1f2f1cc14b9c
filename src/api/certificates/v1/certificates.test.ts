import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clone } from '../../../machinery/json.ts';
import { certificatesResources } from './rows.ts';
import type { CertificateSigningRequest } from './types.generated.ts';

const [row] = certificatesResources;
assert.ok(row !== undefined);
const { strategy, subresources, columns } = row;
const approval = subresources.find(({ name }) => name === 'approval')?.strategy;
const status = subresources.find(({ name }) => name === 'status')?.strategy;
assert.ok(approval !== undefined && status !== undefined);

type Request = CertificateSigningRequest & { [field: string]: unknown };

function request(): Request {
  const pem = '-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n';
  const object: Request = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'jane' },
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
    },
  };
  strategy.applyDefaults(object);
  strategy.prepareForCreate(object);
  return object;
}

const details = (errors: ReturnType<typeof strategy.validate>): string[] =>
  errors.map(({ field, detail }) => `${field}: ${detail}`);

const condition = (object: Request): unknown => columns.find(({ name }) => name === 'Condition')?.value(object, 0);

describe('certificate signing request', () => {
  it('is pending, then approved, then issued', () => {
    const pending = request();
    assert.deepEqual(strategy.validate(pending), []);
    assert.equal(condition(pending), 'Pending');

    const approved = clone(pending);
    approved.status = { certificate: 'AA==', conditions: [{ type: 'Approved', status: 'True' }] };
    approval.prepareForUpdate(approved, pending);
    assert.deepEqual(approval.validateUpdate(approved, pending), []);
    assert.equal(approved.status?.certificate, undefined, 'approving does not issue');
    assert.equal(condition(approved), 'Approved');

    const issued = clone(approved);
    issued.status = { certificate: 'AA==' };
    status.prepareForUpdate(issued, approved);
    assert.deepEqual(status.validateUpdate(issued, approved), []);
    assert.equal(condition(issued), 'Approved,Issued');
  });

  it('is not approved and denied', () => {
    const old = request();
    const both = clone(old);
    both.status = {
      conditions: [
        { type: 'Approved', status: 'True' },
        { type: 'Denied', status: 'True' },
      ],
    };
    approval.prepareForUpdate(both, old);
    assert.deepEqual(details(approval.validateUpdate(both, old)), [
      'status.conditions[1].type: Approved and Denied conditions are mutually exclusive',
    ]);
  });

  it('keeps its decision', () => {
    const old = request();
    old.status = { conditions: [{ type: 'Denied', status: 'True' }] };
    const undone = clone(old);
    undone.status = { conditions: [] };
    approval.prepareForUpdate(undone, old);
    assert.deepEqual(details(approval.validateUpdate(undone, old)), [
      'status.conditions: updates may not remove a condition of type "Denied"',
    ]);
  });

  it('keeps its spec on update', () => {
    const old = request();
    const changed = clone(old);
    changed.spec.signerName = 'example.com/other';
    strategy.prepareForUpdate(changed, old);
    assert.equal(changed.spec.signerName, 'kubernetes.io/kube-apiserver-client');
  });

  it('names a signer and asks for ten minutes at least', () => {
    const bad = request();
    bad.spec.signerName = 'nobody';
    bad.spec.expirationSeconds = 60;
    assert.deepEqual(details(strategy.validate(bad)), [
      'spec.signerName: must be a fully qualified domain and path of the form "example.com/signer-name"',
      'spec.expirationSeconds: may not specify a duration less than 600 seconds (10 minutes)',
    ]);
  });
});
