/** What this part creates on the machine; nothing else may carry these names. */
export const bridgeName = 'rs0';
/** Host ends of the pods' interfaces begin so. */
export const vethPrefix = 'rsv';
export const podTable = 'roadstead_pods';
export const serviceTable = 'roadstead_services';
export const policyTable = 'roadstead_policies';
/** The comment on rules put into chains of others. */
export const ruleComment = 'roadstead';
/** Marks routes as ours; no routing daemon uses this number. */
export const routeProtocol = '82';
