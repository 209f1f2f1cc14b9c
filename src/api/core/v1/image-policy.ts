/** `Always` for `latest`, said or meant; otherwise the image does not change and need not be pulled again. */
export function pullPolicyOf(image: string): 'Always' | 'IfNotPresent' {
  const digest = image.indexOf('@');
  const reference = digest < 0 ? image : image.slice(0, digest);
  const colon = reference.lastIndexOf(':');
  const tag = colon > reference.lastIndexOf('/') ? reference.slice(colon + 1) : '';
  if (tag === 'latest') return 'Always';
  return tag === '' && digest < 0 && image !== '' ? 'Always' : 'IfNotPresent';
}
