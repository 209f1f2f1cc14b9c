import type { IncomingHttpHeaders } from 'node:http';
import { serviceUnavailable } from '../../machinery/status-error.ts';

const htmlBytesMax = 8 * 1024 * 1024;

const linkPattern =
  /(\s(?:action|background|cite|classid|codebase|data|formaction|href|icon|longdesc|manifest|poster|profile|src|usemap)\s*=\s*)(["'])\/(?!\/)/gi;

export function isHtml(headers: IncomingHttpHeaders): boolean {
  return (headers['content-type'] ?? '').startsWith('text/html') && headers['content-encoding'] === undefined;
}

/** A page that links to `/x` must link to the proxy's `/x`, as upstream's proxy transport rewrites it. */
export async function rewriteLinks(page: AsyncIterable<Buffer>, prefix: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of page) {
    bytes += chunk.byteLength;
    if (bytes > htmlBytesMax) throw serviceUnavailable(`the page is larger than ${htmlBytesMax} bytes`);
    chunks.push(chunk);
  }
  // latin1 keeps every byte as it is, and what is looked for is ASCII.
  const text = Buffer.concat(chunks).toString('latin1');
  return Buffer.from(
    text.replace(linkPattern, (_all, attribute: string, quote: string) => `${attribute}${quote}${prefix}/`),
    'latin1',
  );
}
