/** The blocks of one size in an IPv4 range, each given out once. */
export class CidrSet {
  private readonly base: number;
  private readonly count: number;
  private readonly blockBits: number;
  private readonly used = new Set<number>();
  private next = 0;

  /** `range` as `10.244.0.0/16`; blocks of `/blockMask`. Throws for a range that holds no block. */
  constructor(range: string, blockMask: number) {
    const [address = '', mask = ''] = range.split('/');
    const rangeMask = Number(mask);
    if (!Number.isInteger(rangeMask) || rangeMask > blockMask || blockMask > 30) {
      throw new Error(`The range ${range} has no blocks of /${blockMask}`);
    }
    this.blockBits = 32 - blockMask;
    this.count = 2 ** (blockMask - rangeMask);
    this.base = numberOf(address);
  }

  /** Undefined when all are given out. */
  take(): string | undefined {
    for (let tried = 0; tried < this.count; tried++) {
      const index = (this.next + tried) % this.count;
      if (this.used.has(index)) continue;
      this.used.add(index);
      this.next = (index + 1) % this.count;
      return this.blockAt(index);
    }
    return undefined;
  }

  /** Marks a block that somebody has; blocks outside of the range are not ours. */
  occupy(block: string): void {
    const index = this.indexOf(block);
    if (index !== undefined) this.used.add(index);
  }

  release(block: string): void {
    const index = this.indexOf(block);
    if (index !== undefined) this.used.delete(index);
  }

  private blockAt(index: number): string {
    const address = this.base + index * 2 ** this.blockBits;
    const bytes = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256);
    return `${bytes.join('.')}/${32 - this.blockBits}`;
  }

  private indexOf(block: string): number | undefined {
    const index = Math.floor((numberOf(block.split('/')[0] ?? '') - this.base) / 2 ** this.blockBits);
    return index >= 0 && index < this.count ? index : undefined;
  }
}

function numberOf(address: string): number {
  return address.split('.').reduce((number, byte) => number * 256 + Number(byte), 0);
}
