import { isJsonObject, type JsonObject } from '../json.ts';

/** RFC 7386. `document` is the caller's own copy and is changed; parts of `patch` end up in the answer. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const target: JsonObject = isJsonObject(document) ? document : {};
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) delete target[key];
    else if (key !== '__proto__') target[key] = applyMergePatch(target[key], value);
  }
  return target;
}
