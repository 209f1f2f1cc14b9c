import ipaddr from 'ipaddr.js';
import { CelError } from '../errors.ts';
import { CelOpaque } from '../values.ts';
import { fn, method, type Overload } from './overload.ts';

type Address = ReturnType<typeof ipaddr.parse>;

export class CelIp extends CelOpaque {
  readonly typeName = 'ip';
  readonly address: Address;

  constructor(address: Address) {
    super();
    this.address = address;
  }

  equals(other: CelOpaque): boolean {
    return other instanceof CelIp && textOf(other.address) === textOf(this.address);
  }
}

export class CelCidr extends CelOpaque {
  readonly typeName = 'cidr';
  readonly address: Address;
  readonly bits: number;

  constructor(address: Address, bits: number) {
    super();
    this.address = address;
    this.bits = bits;
  }

  equals(other: CelOpaque): boolean {
    return other instanceof CelCidr && other.bits === this.bits && textOf(other.address) === textOf(this.address);
  }
}

function textOf(address: Address): string {
  return address.kind() === 'ipv6' ? ipaddr.IPv6.parse(address.toString()).toRFC5952String() : address.toString();
}

function parseIp(text: string): Address | undefined {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) {
    return /(?:^|\.)0\d/.test(text) || !ipaddr.IPv4.isValidFourPartDecimal(text) ? undefined : ipaddr.parse(text);
  }
  // An IPv4 address inside an IPv6 one, or one with a zone, is not taken.
  if (text.includes('.') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text);
}

function readIp(text: string): CelIp {
  const address = parseIp(text);
  if (address === undefined)
    throw new CelError(
      `IP Address ${JSON.stringify(text)} parse error during conversion from string: ParseAddr(${JSON.stringify(text)}): unable to parse IP`,
    );
  return new CelIp(address);
}

function parseCidr(text: string): CelCidr | undefined {
  const [address = '', bits = '', ...rest] = text.split('/');
  const parsed = parseIp(address);
  if (parsed === undefined || rest.length > 0 || !/^(?:0|[1-9]\d{0,2})$/.test(bits)) return undefined;
  return Number(bits) > widthOf(parsed) ? undefined : new CelCidr(parsed, Number(bits));
}

function readCidr(text: string): CelCidr {
  const cidr = parseCidr(text);
  if (cidr === undefined)
    throw new CelError(`network address parse error during conversion from string: invalid CIDR address: ${text}`);
  return cidr;
}

function widthOf(address: Address): number {
  return address.kind() === 'ipv4' ? 32 : 128;
}

function masked({ address, bits }: CelCidr): CelCidr {
  const bytes = address
    .toByteArray()
    .map((byte, index) => byte & (0xff << (8 - Math.min(8, Math.max(0, bits - index * 8)))) & 0xff);
  return new CelCidr(ipaddr.fromByteArray(bytes), bits);
}

function contains({ address, bits }: CelCidr, other: Address): boolean {
  if (address.kind() !== other.kind()) return false;
  const [mine, theirs] = [masked(new CelCidr(address, bits)), masked(new CelCidr(other, bits))];
  return mine.equals(theirs);
}

function rangeOf({ address }: CelIp): string {
  return address.range();
}

function isLocalMulticast({ address }: CelIp): boolean {
  const bytes = address.toByteArray();
  if (bytes.length === 4) return bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0;
  return bytes[0] === 0xff && ((bytes[1] ?? 0) & 0x0f) === 2;
}

function isGlobalUnicast(ip: CelIp): boolean {
  const isBroadcast = ip.address.toString() === '255.255.255.255';
  return !isBroadcast && !['unspecified', 'loopback', 'multicast', 'linkLocal'].includes(rangeOf(ip));
}

export const addresses: readonly Overload[] = [
  fn('ip', ['string'], 'ip', readIp),
  fn('isIP', ['string'], 'bool', (text) => parseIp(text) !== undefined),
  fn('ip.isCanonical', ['string'], 'bool', (text) => textOf(readIp(text).address) === text),
  fn('string', ['ip'], 'string', ({ address }) => textOf(address)),
  method('family', ['ip'], 'int', ({ address }) => (address.kind() === 'ipv4' ? 4n : 6n)),
  method('isUnspecified', ['ip'], 'bool', (ip) => rangeOf(ip) === 'unspecified'),
  method('isLoopback', ['ip'], 'bool', (ip) => rangeOf(ip) === 'loopback'),
  method('isLinkLocalMulticast', ['ip'], 'bool', isLocalMulticast),
  method('isLinkLocalUnicast', ['ip'], 'bool', (ip) => rangeOf(ip) === 'linkLocal'),
  method('isGlobalUnicast', ['ip'], 'bool', isGlobalUnicast),
  fn('cidr', ['string'], 'cidr', readCidr),
  fn('isCIDR', ['string'], 'bool', (text) => parseCidr(text) !== undefined),
  fn('string', ['cidr'], 'string', ({ address, bits }) => `${textOf(address)}/${bits}`),
  method('containsIP', ['cidr', 'ip'], 'bool', (cidr, { address }) => contains(cidr, address)),
  method('containsIP', ['cidr', 'string'], 'bool', (cidr, text) => contains(cidr, readIp(text).address)),
  method(
    'containsCIDR',
    ['cidr', 'cidr'],
    'bool',
    (cidr, other) => other.bits >= cidr.bits && contains(cidr, other.address),
  ),
  method('containsCIDR', ['cidr', 'string'], 'bool', (cidr, text) => {
    const other = readCidr(text);
    return other.bits >= cidr.bits && contains(cidr, other.address);
  }),
  method('ip', ['cidr'], 'ip', ({ address }) => new CelIp(address)),
  method('masked', ['cidr'], 'cidr', masked),
  method('prefixLength', ['cidr'], 'int', ({ bits }) => BigInt(bits)),
];
