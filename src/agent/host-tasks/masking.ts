const mask = '***';
/** Shorter values would mask half of what is printed. */
const valueBytesMin = 3;

/** The texts that must not be shown: each value of a secret, and each of its lines. Longest first. */
export function maskedTexts(values: Iterable<string>): string[] {
  const texts = new Set<string>();
  for (const value of values) for (const text of [value.trim(), ...value.split(/\r?\n/)]) texts.add(text);
  return [...texts]
    .map((text) => Buffer.from(text).toString('latin1'))
    .filter((text) => text.length >= valueBytesMin)
    .sort((a, b) => b.length - a.length);
}

/** Replaces secret texts in a stream of bytes, also where one lies across two pieces. Bytes are kept as they are. */
export class Masker {
  readonly #texts: readonly string[];
  readonly #longest: number;
  #held = '';

  /** `texts` as `maskedTexts` gives them. */
  constructor(texts: readonly string[]) {
    this.#texts = texts;
    this.#longest = texts[0]?.length ?? 0;
  }

  push(chunk: Buffer): Buffer {
    if (this.#longest === 0) return chunk;
    const text = this.#mask(this.#held + chunk.toString('latin1'));
    const held = this.#heldFrom(text);
    this.#held = text.slice(held);
    return Buffer.from(text.slice(0, held), 'latin1');
  }

  end(): Buffer {
    const rest = Buffer.from(this.#held, 'latin1');
    this.#held = '';
    return rest;
  }

  #mask(text: string): string {
    let masked = text;
    for (const secret of this.#texts) masked = masked.replaceAll(secret, mask);
    return masked;
  }

  /** Where the longest end of the text begins that could be the beginning of a secret. */
  #heldFrom(text: string): number {
    for (let from = Math.max(0, text.length - this.#longest + 1); from < text.length; from++) {
      const end = text.slice(from);
      if (this.#texts.some((secret) => secret.startsWith(end))) return from;
    }
    return text.length;
  }
}

export function maskAll(text: string, texts: readonly string[]): string {
  const masker = new Masker(texts);
  return Buffer.concat([masker.push(Buffer.from(text)), masker.end()]).toString();
}
