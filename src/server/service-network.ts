import ipaddr from 'ipaddr.js';
import { StartupError } from '../machinery/startup-error.ts';

/** The first usable address of a network: the service `kubernetes`. Throws a sentence for what is no CIDR. */
export function firstServiceIp(serviceCidr: string): string {
  try {
    const [network] = ipaddr.parseCIDR(serviceCidr);
    const bytes = network.toByteArray();
    const last = bytes.length - 1;
    bytes[last] = (bytes[last] ?? 0) + 1;
    return ipaddr.fromByteArray(bytes).toString();
  } catch {
    throw new StartupError(`The service network "${serviceCidr}" is not a CIDR such as 10.96.0.0/12`);
  }
}
