const shortModes: readonly (readonly [string, string])[] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
];

/** `RWO,ROX`, in upstream's order whatever the order of the list. */
export function accessModesCell(modes: readonly string[] | undefined): string {
  return shortModes
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(',');
}

export function phaseCell(deletionTimestamp: string | undefined, phase: string | undefined): string {
  return deletionTimestamp ? 'Terminating' : (phase ?? '');
}

export function orUnset(value: string | undefined): string {
  return value || '<unset>';
}
