import { isIP } from 'node:net';

export const cidrProblem = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

export function isCidr(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more !== undefined || !/^[0-9]{1,3}$/.test(bits)) return false;
  return Number(bits) <= (family === 4 ? 32 : 128);
}
