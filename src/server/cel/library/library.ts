import { addresses } from './addresses.ts';
import { collections } from './collections.ts';
import { conversions } from './conversions.ts';
import { namedFormats } from './named-formats.ts';
import { operators } from './operators.ts';
import type { Overload } from './overload.ts';
import { quantities } from './quantities.ts';
import { semvers } from './semver.ts';
import { strings } from './strings.ts';
import { times } from './times.ts';
import { urls } from './urls.ts';

/** Every function of the language and of Kubernetes' libraries, by name. */
export const library: ReadonlyMap<string, readonly Overload[]> = byName([
  ...operators,
  ...conversions,
  ...strings,
  ...collections,
  ...times,
  ...quantities,
  ...urls,
  ...addresses,
  ...semvers,
  ...namedFormats,
]);

export function byName(overloads: readonly Overload[]): Map<string, Overload[]> {
  const found = new Map<string, Overload[]>();
  for (const overload of overloads) {
    const same = found.get(overload.name);
    if (same === undefined) found.set(overload.name, [overload]);
    else same.push(overload);
  }
  return found;
}
