import type { Pod } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { PriorityClass } from '../../api/scheduling/v1/types.generated.ts';
import type { ObjectAccess } from '../contract.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { isPodCreate } from './chain.ts';
import { refuse } from './refusals.ts';

const priorityClasses = { group: 'scheduling.k8s.io', resource: 'priorityclasses' };

/** Turns a pod's priorityClassName into its priority and preemptionPolicy. */
export function priorityAdmission(objects: ObjectAccess): AdmissionPlugin {
  const globalDefaults = new DefaultClass(objects);
  return {
    name: 'Priority',
    handles: (attributes) => isPodCreate(attributes) || isPriorityClassWrite(attributes),
    async admit(attributes) {
      if (!isPodCreate(attributes) || attributes.object === undefined) return;
      const spec = as<Pod>(attributes.object).spec;
      if (spec === undefined) return;
      const found = await classOf(objects, spec.priorityClassName ?? '', globalDefaults);
      if (found === undefined)
        throw refuse(attributes, `no PriorityClass with name ${spec.priorityClassName} was found`);
      const { name, value, preemptionPolicy } = found;
      if (spec.priority !== undefined && spec.priority !== value)
        throw refuse(attributes, mismatch('priority', spec.priority, value));
      if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) {
        throw refuse(attributes, mismatch('PreemptionPolicy', spec.preemptionPolicy, preemptionPolicy));
      }
      if (name !== '') spec.priorityClassName = name;
      spec.priority = value;
      spec.preemptionPolicy = preemptionPolicy;
    },
    async validate(attributes) {
      if (!isPriorityClassWrite(attributes) || attributes.object === undefined) return;
      const written = as<PriorityClass>(attributes.object);
      if (written.globalDefault !== true) return;
      const other = globalDefaults.find();
      if (other === undefined || other.metadata.name === written.metadata.name) return;
      throw refuse(
        attributes,
        `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`,
      );
    },
  };
}

function isPriorityClassWrite({ operation, group, resource }: AdmissionAttributes): boolean {
  return (
    group === priorityClasses.group &&
    resource === priorityClasses.resource &&
    (operation === 'CREATE' || operation === 'UPDATE')
  );
}

interface ResolvedClass {
  readonly name: string;
  readonly value: number;
  readonly preemptionPolicy: string;
}

async function classOf(
  objects: ObjectAccess,
  name: string,
  globalDefaults: DefaultClass,
): Promise<ResolvedClass | undefined> {
  if (name === '') {
    const found = globalDefaults.find();
    return found === undefined ? { name: '', value: 0, preemptionPolicy: 'PreemptLowerPriority' } : resolved(found);
  }
  const found = objects.get(priorityClasses, '', name) ?? (await objects.getFresh(priorityClasses, '', name));
  return found === undefined ? undefined : resolved(as<PriorityClass>(found));
}

function resolved({ metadata, value, preemptionPolicy }: PriorityClass): ResolvedClass {
  return { name: metadata.name, value: value ?? 0, preemptionPolicy: preemptionPolicy ?? 'PreemptLowerPriority' };
}

function mismatch(what: string, given: unknown, computed: unknown): string {
  const subject = what === 'priority' ? 'the integer value of priority' : `the string value of ${what}`;
  return `${subject} (${String(given)}) must not be provided in pod spec; priority admission controller computed ${String(computed)} from the given PriorityClass name`;
}

/** The class marked globalDefault with the lowest value, as upstream picks when two slipped in at once. */
class DefaultClass {
  readonly #classes = new Map<string, PriorityClass>();

  constructor(objects: ObjectAccess) {
    const note = (object: PriorityClass): void => {
      if (object.globalDefault === true) this.#classes.set(object.metadata.name, object);
      else this.#classes.delete(object.metadata.name);
    };
    objects.onChange(priorityClasses, ({ type, name, object }) => {
      if (type === 'delete') this.#classes.delete(name);
      else note(as<PriorityClass>(object));
    });
    for (const object of objects.list(priorityClasses)) note(as<PriorityClass>(object));
  }

  find(): PriorityClass | undefined {
    let lowest: PriorityClass | undefined;
    for (const one of this.#classes.values())
      if (lowest === undefined || (one.value ?? 0) < (lowest.value ?? 0)) lowest = one;
    return lowest;
  }
}
