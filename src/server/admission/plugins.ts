import type { Rbac } from '../authorization/rbac.ts';
import type { ObjectAccess } from '../contract.ts';
import type { AdmissionPlugin, Authorizer } from '../request.ts';
import { csrRequester } from './csr-requester.ts';
import { defaultTolerationSeconds } from './default-tolerations.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { priorityAdmission } from './priority.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { serviceAccountAdmission } from './service-account.ts';

export interface AdmissionNeeds {
  readonly objects: ObjectAccess;
  readonly rbac: Rbac;
  readonly authorizer: Authorizer;
}

/** In upstream's recommended order. */
export function builtinAdmissionPlugins({ objects, rbac, authorizer }: AdmissionNeeds): AdmissionPlugin[] {
  return [
    namespaceLifecycle(objects),
    limitRanger(objects),
    serviceAccountAdmission(objects),
    nodeRestriction(objects),
    priorityAdmission(objects),
    defaultTolerationSeconds(),
    csrRequester(),
    rbacEscalation(rbac, authorizer),
  ];
}
