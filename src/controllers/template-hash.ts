/** Letters and digits that make no words, as in generated names. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A short stable name for a pod template: the same for the same content, whatever the order of its fields. */
export function templateHash(template: unknown, collisionCount = 0): string {
  let hash = 0x811c9dc5;
  const mix = (text: string): void => {
    for (let index = 0; index < text.length; index++) {
      hash ^= text.charCodeAt(index);
      hash = Math.imul(hash, 0x01000193) >>> 0;
    }
  };
  mix(canonical(template));
  if (collisionCount > 0) mix(String(collisionCount));
  return String(hash)
    .split('')
    .map((digit) => alphabet[(digit.charCodeAt(0) - 48) % alphabet.length])
    .join('');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const record = value as Record<string, unknown>;
  const fields = Object.keys(record)
    .filter((name) => record[name] !== undefined && record[name] !== null)
    .sort();
  return `{${fields.map((name) => `${JSON.stringify(name)}:${canonical(record[name])}`).join(',')}}`;
}
