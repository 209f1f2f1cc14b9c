import type { Rbac } from '../authorization/rbac.ts';
import type { ObjectAccess, RowCatalog } from '../contract.ts';
import type { AdmissionPlugin, Authorizer } from '../request.ts';
import type { ConnectToService } from '../service-connection.ts';
import { bootstrapTokenUses } from './bootstrap-token-uses.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from './certificates.ts';
import { persistentVolumeClaimResize } from './claim-resize.ts';
import { csrRequester } from './csr-requester.ts';
import { defaultIngressClass, defaultStorageClass } from './default-class.ts';
import { defaultTolerationSeconds } from './default-tolerations.ts';
import { extendedResourceToleration } from './extended-resource-toleration.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { taintNodesByCondition } from './node-taint.ts';
import { podSecurity } from './pod-security/pod-security.ts';
import { podTolerationRestriction } from './pod-tolerations.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { expressionChecks } from './policies/expression-checks.ts';
import { webhookConditions } from './policies/match-conditions.ts';
import { mutatingPolicies } from './policies/mutating.ts';
import { validatingPolicies } from './policies/validating.ts';
import { priorityAdmission } from './priority.ts';
import { resourceQuota } from './quota/resource-quota.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { runtimeClassAdmission } from './runtime-class.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { storageObjectInUseProtection } from './storage-protection.ts';
import { WebhookConfigurations } from './webhooks/configurations.ts';
import { WebhookMatcher } from './webhooks/matching.ts';
import { mutatingWebhooks } from './webhooks/mutating.ts';
import { validatingWebhooks } from './webhooks/validating.ts';

export interface AdmissionNeeds {
  readonly objects: ObjectAccess;
  readonly rows: RowCatalog;
  readonly rbac: Rbac;
  readonly authorizer: Authorizer;
  readonly connectToService: ConnectToService;
  /** ms since the epoch */
  readonly now: () => number;
}

export interface AdmissionPlugins {
  /** In upstream's recommended order. */
  readonly plugins: readonly AdmissionPlugin[];
  close(): void;
}

export function builtinAdmissionPlugins(needs: AdmissionNeeds): AdmissionPlugins {
  const { objects, rows, rbac, authorizer, connectToService, now } = needs;
  const matcher = new WebhookMatcher({ objects, rows, checkConditions: webhookConditions(authorizer) });
  const mutations = mutatingPolicies({ objects, rows, authorizer });
  const validations = validatingPolicies({ objects, rows, authorizer });
  const mutating = new WebhookConfigurations('mutatingwebhookconfigurations', objects, connectToService);
  const validating = new WebhookConfigurations('validatingwebhookconfigurations', objects, connectToService);
  return {
    plugins: [
      namespaceLifecycle(objects),
      limitRanger(objects),
      serviceAccountAdmission(objects),
      nodeRestriction(objects),
      taintNodesByCondition(),
      podSecurity(objects),
      priorityAdmission(objects),
      defaultTolerationSeconds(),
      podTolerationRestriction(objects),
      extendedResourceToleration(),
      defaultStorageClass(objects),
      storageObjectInUseProtection(),
      persistentVolumeClaimResize(objects),
      runtimeClassAdmission(objects),
      csrRequester(),
      bootstrapTokenUses(objects, now),
      certificateApproval(authorizer),
      certificateSigning(authorizer),
      certificateSubjectRestriction(),
      defaultIngressClass(objects),
      podTopologyLabels(objects),
      rbacEscalation(rbac, authorizer),
      mutations.plugin,
      mutatingWebhooks(mutating, matcher, rows),
      expressionChecks(),
      validations.plugin,
      validatingWebhooks(validating, matcher),
      resourceQuota(objects, now),
    ],
    close() {
      mutations.close();
      validations.close();
      mutating.close();
      validating.close();
    },
  };
}
