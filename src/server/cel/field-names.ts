const reserved: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const escapes: ReadonlyMap<string, string> = new Map([
  ['__underscores__', '__'],
  ['__dot__', '.'],
  ['__dash__', '-'],
  ['__slash__', '/'],
]);

/** `self.redact__dash__me` asks for the field `redact-me`: Kubernetes' way to name what is no identifier. */
export function unescapeField(name: string): string {
  if (!name.includes('__')) return name;
  const keyword = /^__([a-z]+)__$/.exec(name)?.[1];
  if (keyword !== undefined && reserved.has(keyword)) return keyword;
  return name.replace(/__(?:underscores|dot|dash|slash)__/g, (text) => escapes.get(text) ?? text);
}
