/** A range of numbers of which each has at most one owner: service addresses, node ports. */
export class NumberPool {
  readonly #owners = new Map<number, string>();
  readonly #from: number;
  readonly #to: number;
  readonly #dynamicFrom: number;

  /**
   * Both ends belong to the pool. The first `reserved` numbers are picked only when the others are used up, as upstream
   * leaves them to those who ask for a certain one.
   */
  constructor(from: number, to: number, reserved: number) {
    this.#from = from;
    this.#to = to;
    this.#dynamicFrom = Math.min(from + reserved, to);
  }

  contains(number: number): boolean {
    return number >= this.#from && number <= this.#to;
  }

  ownerOf(number: number): string | undefined {
    return this.#owners.get(number);
  }

  take(number: number, owner: string): void {
    this.#owners.set(number, owner);
  }

  /** Does nothing when someone else owns it. */
  release(number: number, owner: string): void {
    if (this.#owners.get(number) === owner) this.#owners.delete(number);
  }

  /** A free number from a random place on; undefined when there is none. */
  pick(): number | undefined {
    return this.#pickFrom(this.#dynamicFrom, this.#to) ?? this.#pickFrom(this.#from, this.#dynamicFrom - 1);
  }

  #pickFrom(from: number, to: number): number | undefined {
    const size = to - from + 1;
    const start = Math.floor(Math.random() * size);
    for (let step = 0; step < size; step++) {
      const number = from + ((start + step) % size);
      if (!this.#owners.has(number)) return number;
    }
    return undefined;
  }
}

export interface AddressRange {
  readonly text: string;
  readonly first: number;
  readonly last: number;
}

/** An IPv4 range without its network and broadcast address. Throws for anything else. */
export function parseServiceCidr(text: string): AddressRange {
  const [address = '', bits = ''] = text.split('/');
  const base = ipToNumber(address);
  const length = Number(bits);
  if (base === undefined || !Number.isInteger(length) || length < 8 || length > 30) {
    throw new Error(`Service range ${JSON.stringify(text)} is not an IPv4 range of /8 to /30`);
  }
  const size = 2 ** (32 - length);
  const network = base - (base % size);
  return { text, first: network + 1, last: network + size - 2 };
}

export function ipToNumber(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let number = 0;
  for (const part of parts) {
    const octet = Number(part);
    if (!/^[0-9]{1,3}$/.test(part) || octet > 255) return undefined;
    number = number * 256 + octet;
  }
  return number;
}

export function numberToIp(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
