import type { AdmissionChain } from '../contract.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';

/** Runs the plugins in the order given: every `admit`, once more when one asks for it, then every `validate`. */
export function createAdmission(plugins: readonly AdmissionPlugin[]): AdmissionChain {
  return {
    handles: (attributes) => plugins.some((plugin) => plugin.handles(attributes as AdmissionAttributes)),
    async admit(attributes) {
      let again = false;
      for (const plugin of plugins) {
        if (plugin.admit === undefined || !plugin.handles(attributes)) continue;
        if ((await plugin.admit(attributes)) === 'again') again = true;
      }
      if (again) await admitAgain(plugins, attributes);
    },
    async validate(attributes) {
      for (const plugin of plugins) {
        if (plugin.validate !== undefined && plugin.handles(attributes)) await plugin.validate(attributes);
      }
    },
  };
}

/** One more round, whatever it changes, as upstream's reinvoker. */
async function admitAgain(plugins: readonly AdmissionPlugin[], attributes: AdmissionAttributes): Promise<void> {
  for (const plugin of plugins) {
    if (!plugin.handles(attributes)) continue;
    if (plugin.admitAgain !== undefined) await plugin.admitAgain(attributes);
    else await plugin.admit?.(attributes);
  }
}

type Asked = Pick<AdmissionAttributes, 'operation' | 'group' | 'resource' | 'subresource'>;

export function isPodCreate({ operation, group, resource, subresource }: Asked): boolean {
  return operation === 'CREATE' && resource === 'pods' && group === '' && subresource === '';
}
