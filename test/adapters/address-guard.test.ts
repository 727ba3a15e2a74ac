import type { LookupAddress } from 'node:dns';
import { isLeft, isRight } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import {
  type AllowTargets,
  guardedLookup,
  isAllowedAddress,
  isExemptAddress,
  isPublicAddress,
  NO_TARGETS,
  parseAllowTargets,
  urlPolicy,
} from '../../src/adapters/address-guard.ts';
import { ALLOWED, carriersOfV4, DENIED_ADDRESSES, DENIED_HOSTS, spellingsOfV4 } from './ssrf-vectors.ts';

const targets = (text: string): AllowTargets => {
  const parsed = parseAllowTargets(text);
  if (isLeft(parsed)) throw new Error(parsed.left);
  return parsed.right;
};

describe('isPublicAddress', () => {
  it.each(DENIED_ADDRESSES)('denies %s', (ip) => {
    expect(isPublicAddress(ip)).toBe(false);
  });

  it.each(ALLOWED)('allows %s', (ip) => {
    expect(isPublicAddress(ip)).toBe(true);
  });

  it.each(['', 'localhost', '8.8.8', '0x8.8.8.8', '010.8.8.8', '8.8.8.8 ', '8.8.8.8/32', '[2606:4700::1]'])(
    'denies %j, which is no address',
    (ip) => {
      expect(isPublicAddress(ip)).toBe(false);
    },
  );
});

describe('urlPolicy', () => {
  it('has at least 200 spellings to refuse', () => {
    expect(new Set(DENIED_HOSTS).size).toBeGreaterThanOrEqual(200);
  });

  it.each(DENIED_HOSTS)('refuses http://%s/ when it is saved', (host) => {
    const checked = urlPolicy(NO_TARGETS)(`http://${host}/hook`);
    expect(isLeft(checked) && checked.left.reason).toBe('address');
  });

  it('lets public literals through', () => {
    for (const ip of ALLOWED) {
      const host = ip.includes(':') ? `[${ip}]` : ip;
      expect(isRight(urlPolicy(NO_TARGETS)(`http://${host}/`)), ip).toBe(true);
    }
  });

  it('lets through what the operator opened, in every spelling, and nothing beside it', () => {
    const policy = urlPolicy(targets('10.1.0.0/16'));
    for (const host of [...spellingsOfV4('10.1.2.3'), '[::ffff:10.1.2.3]']) {
      expect(isRight(policy(`http://${host}:9000/`)), host).toBe(true);
    }
    for (const host of [
      ...spellingsOfV4('10.2.2.3'),
      ...carriersOfV4('10.1.2.3')
        .slice(2)
        .map((v6) => `[${v6}]`),
    ]) {
      expect(isLeft(policy(`http://${host}:9000/`)), host).toBe(true);
    }
  });

  it('opens addresses, not names: localhost stays closed with the loopback open', () => {
    expect(isRight(urlPolicy(targets('127.0.0.0/8'))('http://127.0.0.1:9000/'))).toBe(true);
    expect(isLeft(urlPolicy(targets('127.0.0.0/8'))('http://localhost:9000/'))).toBe(true);
    expect(isLeft(urlPolicy(targets('::1/128'))('http://localhost:9000/'))).toBe(true);
  });
});

describe('parseAllowTargets', () => {
  it('reads lists', () => {
    expect(targets('').ranges).toHaveLength(0);
    const isExempt = isExemptAddress(targets(' 127.0.0.0/8, 10.1.2.3\nfd00::/8,::1 '));
    expect(['127.9.9.9', '10.1.2.3', 'fd12::1', '::1', '::ffff:127.0.0.1'].every(isExempt)).toBe(true);
    expect(['10.1.2.4', 'fe80::1', '8.8.8.8', '::2', 'fd12::1%eth0', 'localhost'].some(isExempt)).toBe(false);
  });

  it('adds to the public addresses', () => {
    const isAllowed = isAllowedAddress(targets('127.0.0.0/8'));
    expect(isAllowed('8.8.8.8')).toBe(true);
    expect(isAllowed('127.0.0.1')).toBe(true);
    expect(isAllowed('10.0.0.1')).toBe(false);
  });

  it.each([
    ['localhost', '"localhost" is not a range of addresses such as 10.0.0.0/8 or fd00::/8'],
    ['127.0.0.0/8, 10.0.0/8', '"10.0.0/8" is not a range of addresses such as 10.0.0.0/8 or fd00::/8'],
    ['10.0.0.0/8/8', '"10.0.0.0/8/8" is not a range of addresses such as 10.0.0.0/8 or fd00::/8'],
    ['fe80::1%eth0', '"fe80::1%eth0" is not a range of addresses such as 10.0.0.0/8 or fd00::/8'],
    ['10.0.0.0/33', '"10.0.0.0/33" needs a prefix length from 0 to 32 after the slash'],
    ['10.0.0.0/', '"10.0.0.0/" needs a prefix length from 0 to 32 after the slash'],
    ['10.0.0.0/-1', '"10.0.0.0/-1" needs a prefix length from 0 to 32 after the slash'],
    ['10.0.0.0/255.0.0.0', '"10.0.0.0/255.0.0.0" needs a prefix length from 0 to 32 after the slash'],
    ['fd00::/129', '"fd00::/129" needs a prefix length from 0 to 128 after the slash'],
    ['::ffff:10.0.0.0/104', '"::ffff:10.0.0.0/104" is an IPv4 range in IPv6 spelling: write it as IPv4'],
  ])('refuses %j', (text, words) => {
    expect(parseAllowTargets(text)).toEqual({ _tag: 'Left', left: words });
  });
});

describe('guardedLookup', () => {
  type Answer = { error: NodeJS.ErrnoException | null; addresses: string | LookupAddress[] };
  const lookUp = (addresses: ReadonlyArray<string> | Error, all: boolean): Promise<Answer> => {
    const resolve = async (): Promise<ReadonlyArray<string>> => {
      if (addresses instanceof Error) throw addresses;
      return addresses;
    };
    return new Promise((done) =>
      guardedLookup(resolve, isPublicAddress)('partner.example', { all }, (error, found) =>
        done({ error, addresses: found }),
      ),
    );
  };

  it('hands out all addresses, or the first, as asked', async () => {
    expect(await lookUp(['8.8.8.8', '2606:4700::1'], true)).toEqual({
      error: null,
      addresses: [
        { address: '8.8.8.8', family: 4 },
        { address: '2606:4700::1', family: 6 },
      ],
    });
    expect(await lookUp(['8.8.8.8', '2606:4700::1'], false)).toEqual({ error: null, addresses: '8.8.8.8' });
  });

  it.each(DENIED_ADDRESSES)('refuses a name with %s among its addresses', async (denied) => {
    for (const answer of [[denied], ['8.8.8.8', denied], [denied, '8.8.8.8']]) {
      for (const all of [true, false]) {
        const { error, addresses } = await lookUp(answer, all);
        expect(error?.message).toBe(`refused: ${denied} is not a public address`);
        expect(addresses).toEqual([]);
      }
    }
  });

  it('refuses a name without addresses, and passes on what the resolver says', async () => {
    expect((await lookUp([], true)).error?.code).toBe('ENOTFOUND');
    const failure = Object.assign(new Error('no server'), { code: 'ESERVFAIL' });
    expect((await lookUp(failure, true)).error).toBe(failure);
  });
});
