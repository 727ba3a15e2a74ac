import { isIP, type LookupFunction } from 'node:net';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import ipaddr from 'ipaddr.js';
import { checkUrl, type UrlPolicy } from '../domain/url-policy.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Addresses that webhooks may reach although they are not public: the operator's word, never a tenant's. */
export interface AllowTargets {
  readonly ranges: ReadonlyArray<readonly [Address, number]>;
}

export const NO_TARGETS: AllowTargets = { ranges: [] };

/** A list of CIDRs or single addresses, separated by commas or blanks. The left side says which entry is wrong, and why. */
export const parseAllowTargets = (text: string): Either<string, AllowTargets> => {
  const ranges: Array<readonly [Address, number]> = [];
  for (const entry of text.split(/[\s,]+/).filter((part) => part !== '')) {
    const range = parseRange(entry);
    if (typeof range === 'string') return left(`"${entry}" ${range}`);
    ranges.push(range);
  }
  return right({ ranges });
};

const parseRange = (entry: string): readonly [Address, number] | string => {
  const [text = '', prefix, ...rest] = entry.split('/');
  const address = parseAddress(text);
  if (address === null || rest.length > 0)
    return 'is not a range of addresses such as 10.0.0.0/8 or fd00::/8';
  if (text.includes(':') && address.kind() === 'ipv4')
    return 'is an IPv4 range in IPv6 spelling: write it as IPv4';
  const bitsMax = address.kind() === 'ipv4' ? 32 : 128;
  if (prefix === undefined) return [address, bitsMax];
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  return bits <= bitsMax ? [address, bits] : `needs a prefix length from 0 to ${bitsMax} after the slash`;
};

/**
 * An IPv4 address in an IPv6 coat (::ffff:a.b.c.d) is that IPv4 address. Null for what is no address, or has a zone.
 * The URL standard's spelling comes first, as ipaddr.js takes the other coat (::a.b.c.d) for this one.
 */
const parseAddress = (ip: string): Address | null => {
  if (ip.includes('%')) return null;
  switch (isIP(ip)) {
    case 4:
      return ipaddr.IPv4.parse(ip);
    case 6:
      return ipaddr.process(new URL(`http://[${ip}]`).hostname.slice(1, -1));
    default:
      return null;
  }
};

/** Azure answers from this one to every machine in its network, although it lies in a public range. */
const AZURE_PLATFORM = '168.63.129.16';
/** All that has ever been given out for public use. Source: RFC 4291, section 2.4, and IANA's IPv6 registry. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/** An allow rule, not a deny rule: what is not known to be public is not. */
export const isPublicAddress = (ip: string): boolean => {
  const address = parseAddress(ip);
  if (address === null || address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' ? address.toString() !== AZURE_PLATFORM : address.match(GLOBAL_UNICAST);
};

/** Opened by the operator. */
export const isExemptAddress =
  (allow: AllowTargets) =>
  (ip: string): boolean => {
    if (allow.ranges.length === 0) return false;
    const address = parseAddress(ip);
    return (
      address !== null &&
      allow.ranges.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits))
    );
  };

/** Public, or opened by the operator. Text that is no address is not allowed. */
export const isAllowedAddress = (allow: AllowTargets): ((ip: string) => boolean) => {
  const isExempt = isExemptAddress(allow);
  return (ip) => isPublicAddress(ip) || isExempt(ip);
};

export const urlPolicy = (allow: AllowTargets): UrlPolicy => {
  const isAllowed = isAllowedAddress(allow);
  return (text) => checkUrl(text, isAllowed);
};

/** All addresses of a name. Rejects when it has none, with an `ENOTFOUND`-like code. */
export type Resolver = (hostname: string) => Promise<ReadonlyArray<string>>;

/** The guard said no; nothing has been sent. */
export class AddressRefused extends Error {
  readonly code = 'CALLBOARD_ADDRESS_REFUSED';

  constructor(address: string) {
    super(`refused: ${address} is not a public address`);
    this.name = 'AddressRefused';
  }
}

class NameNotFound extends Error {
  readonly code = 'ENOTFOUND';
}

/**
 * A lookup for sockets that looks at every address of a name, whichever is wanted, and refuses the name when it has
 * none or one of them is denied: a name that points inside and outside at once is an attack or a mistake.
 */
export const guardedLookup =
  (resolve: Resolver, isAllowed: (ip: string) => boolean): LookupFunction =>
  (hostname, options, callback) => {
    const answer = (addresses: ReadonlyArray<string>): void => {
      const denied = addresses.find((address) => !isAllowed(address));
      if (denied !== undefined) return callback(new AddressRefused(denied), []);
      const found = addresses.map((address) => ({ address, family: isIP(address) }));
      const [first] = found;
      if (first === undefined) return callback(new NameNotFound(`${hostname} has no address`), []);
      if (options.all === true) return callback(null, found);
      callback(null, first.address, first.family);
    };
    // The callback runs outside the promise, so that what it throws is not swallowed as a rejection.
    resolve(hostname).then(
      (addresses) => setImmediate(answer, addresses),
      (error: unknown) =>
        setImmediate(
          callback,
          error instanceof Error ? error : new NameNotFound(`${hostname} not resolved`),
          [],
        ),
    );
  };
