import type { Pod, Toleration } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { ObjectAccess } from '../contract.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { isPodCreate } from './chain.ts';
import { refuse } from './refusals.ts';
import { areWhitelisted, mergeTolerations } from './tolerations.ts';

const namespaces = { group: '', resource: 'namespaces' };
const defaultsAnnotation = 'scheduler.alpha.kubernetes.io/defaultTolerations';
const whitelistAnnotation = 'scheduler.alpha.kubernetes.io/tolerationsWhitelist';

/** Pods get the tolerations that their namespace's annotation names, and may have those of the whitelist only. */
export function podTolerationRestriction(objects: ObjectAccess): AdmissionPlugin {
  const listIn = (attributes: AdmissionAttributes, annotation: string): Toleration[] | undefined => {
    const text = objects.get(namespaces, '', attributes.namespace)?.metadata.annotations?.[annotation];
    if (text === undefined || text === '') return undefined;
    try {
      return JSON.parse(text) as Toleration[];
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw refuse(attributes, `annotation ${annotation} of the namespace cannot be read: ${why}`);
    }
  };
  return {
    name: 'PodTolerationRestriction',
    handles: isPodCreate,
    async admit(attributes) {
      const spec = attributes.object === undefined ? undefined : as<Pod>(attributes.object).spec;
      const defaults = spec === undefined ? undefined : listIn(attributes, defaultsAnnotation);
      if (spec === undefined || defaults === undefined || defaults.length === 0) return;
      const own = spec.tolerations ?? [];
      if (isConflict(defaults, own)) throw refuse(attributes, 'namespace tolerations and pod tolerations conflict');
      spec.tolerations = mergeTolerations(own, defaults);
    },
    async validate(attributes) {
      const spec = attributes.object === undefined ? undefined : as<Pod>(attributes.object).spec;
      const whitelist = listIn(attributes, whitelistAnnotation) ?? [];
      if (areWhitelisted(spec?.tolerations ?? [], whitelist)) return;
      throw refuse(
        attributes,
        'pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist',
      );
    },
  };
}

/** The same taint tolerated in two ways. */
function isConflict(first: readonly Toleration[], second: readonly Toleration[]): boolean {
  const id = ({ key = '', effect = '' }: Toleration): string => `${key} ${effect}`;
  const rest = ({ operator = 'Equal', value = '', tolerationSeconds }: Toleration): string =>
    `${operator} ${value} ${tolerationSeconds ?? ''}`;
  return first.some((one) => second.some((other) => id(one) === id(other) && rest(one) !== rest(other)));
}
