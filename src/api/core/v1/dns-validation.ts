import { isIP } from 'node:net';
import { isDns1123Subdomain } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { type FieldPath, invalidEach, invalidValue, notSupported, required } from '../../field-errors.ts';
import type { PodDNSConfig, PodSpec } from './types.generated.ts';

const policies: readonly string[] = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const nameserversMax = 3;
const searchesMax = 32;
const searchCharactersMax = 2048;

export function validatePodDns(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const { dnsPolicy = '', dnsConfig } = spec;
  if (!policies.includes(dnsPolicy)) {
    const at = path.child('dnsPolicy');
    errors.push(dnsPolicy === '' ? required(at) : notSupported(at, dnsPolicy, policies));
  }
  if (dnsPolicy === 'None') {
    const at = path.child('dnsConfig');
    if (!dnsConfig) errors.push(required(at, 'must provide `dnsConfig` when `dnsPolicy` is None'));
    else if ((dnsConfig.nameservers ?? []).length === 0) {
      const detail = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
      errors.push(required(at.child('nameservers'), detail));
    }
  }
  if (dnsConfig) validateDnsConfig(dnsConfig, path.child('dnsConfig'), errors);
}

function validateDnsConfig(config: PodDNSConfig, path: FieldPath, errors: FieldError[]): void {
  const { nameservers = [], searches = [], options = [] } = config;
  if (nameservers.length > nameserversMax) {
    const detail = `must not have more than ${nameserversMax} nameservers`;
    errors.push(invalidValue(path.child('nameservers'), nameservers, detail));
  }
  nameservers.forEach((address, index) => {
    if (isIP(address) !== 0) return;
    const detail = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
    errors.push(invalidValue(path.at('nameservers', index), address, detail));
  });
  if (searches.length > searchesMax) {
    const detail = `must not have more than ${searchesMax} search paths`;
    errors.push(invalidValue(path.child('searches'), searches, detail));
  }
  if (searches.join(' ').length > searchCharactersMax) {
    const detail = `must not have more than ${searchCharactersMax} characters (including spaces) in the search list`;
    errors.push(invalidValue(path.child('searches'), searches, detail));
  }
  searches.forEach((search, index) => {
    if (search === '.') return;
    // A search path may be fully qualified, and its labels may begin with an underscore (SRV names).
    const name = (search.endsWith('.') ? search.slice(0, -1) : search).replace(/(^|\.)_/g, '$1');
    invalidEach(errors, path.at('searches', index), search, isDns1123Subdomain(name));
  });
  options.forEach((option, index) => {
    if (!option.name) errors.push(required(path.at('options', index), 'must not be empty'));
  });
}
