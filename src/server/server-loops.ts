import type { Logger } from '../machinery/logger.ts';
import type { Access } from './access.ts';
import { startPolicyStatus } from './admission/policies/policy-status.ts';
import { startCertificateController } from './certificates/certificate-controller.ts';
import type { ObjectAccess, RowCatalog } from './contract.ts';
import { startEventExpiry } from './event-expiry.ts';
import type { Pki } from './pki/pki.ts';
import { startTokenSecrets } from './token-secrets.ts';

export interface ServerLoopsOptions {
  readonly objects: ObjectAccess;
  readonly rows: RowCatalog;
  readonly access: Access;
  readonly pki: Pki;
  readonly logger: Logger;
  readonly now: () => number;
}

/** The controllers that live with the server since they need its keys, or its clock and nothing else. */
export function startServerLoops({ objects, rows, access, pki, logger, now }: ServerLoopsOptions): () => void {
  const stops = [
    startCertificateController({ objects, pki, authorizer: access.authorizer, logger, now }),
    startTokenSecrets({ objects, tokens: access.legacyTokens, caCertificate: pki.caCertificate, logger }),
    startPolicyStatus({ objects, rows, logger }),
    startEventExpiry({ objects, logger, now }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
