import type { AdmissionChain } from '../contract.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';

/** Runs the plugins in the order given: every `admit`, then every `validate`. */
export function createAdmission(plugins: readonly AdmissionPlugin[]): AdmissionChain {
  return {
    handles: (attributes) => plugins.some((plugin) => plugin.handles(attributes as AdmissionAttributes)),
    async admit(attributes) {
      for (const plugin of plugins) {
        if (plugin.admit !== undefined && plugin.handles(attributes)) await plugin.admit(attributes);
      }
    },
    async validate(attributes) {
      for (const plugin of plugins) {
        if (plugin.validate !== undefined && plugin.handles(attributes)) await plugin.validate(attributes);
      }
    },
  };
}

type Asked = Pick<AdmissionAttributes, 'operation' | 'group' | 'resource' | 'subresource'>;

export function isPodCreate({ operation, group, resource, subresource }: Asked): boolean {
  return operation === 'CREATE' && resource === 'pods' && group === '' && subresource === '';
}
