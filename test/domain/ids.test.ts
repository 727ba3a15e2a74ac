import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changeGuid,
  guidBytesIn,
  invocationGuid,
  isGuid,
  scheduledEventId,
  STREAM_PREFIXES,
  streamOf,
  tooLargeEventId,
  uuidV5,
} from '../../src/domain/ids.ts';
import { canonicalJson, type Json } from '../../src/domain/json.ts';
import { RESOURCES } from '../../src/domain/resources.ts';

const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
const COMPANY = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';

describe('uuidV5', () => {
  it('gives the example of RFC 9562, appendix A.4', () => {
    expect(uuidV5(DNS, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  it('always has version 5 and the variant of the RFC, and is a guid', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string({ unit: 'binary' }), (namespace, name) => {
        const id = uuidV5(namespace, name);
        expect(id).toMatch(/^.{8}-.{4}-5.{3}-[89ab].{3}-.{12}$/);
        expect(isGuid(id)).toBe(true);
        expect(uuidV5(namespace, name)).toBe(id);
      }),
    );
  });

  it('is that of a long name, too', () => {
    const name = 'ü'.repeat(100_000);
    const digest = createHash('sha1')
      .update(Buffer.from(DNS.replaceAll('-', ''), 'hex'))
      .update(name)
      .digest();
    digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x50;
    digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
    expect(uuidV5(DNS, name).replaceAll('-', '')).toBe(digest.subarray(0, 16).toString('hex'));
  });

  it('depends on the namespace and on the name', () => {
    expect(uuidV5(COMPANY, 'www.example.com')).not.toBe(uuidV5(DNS, 'www.example.com'));
    expect(uuidV5(DNS, 'www.example.org')).not.toBe(uuidV5(DNS, 'www.example.com'));
  });
});

describe('isGuid', () => {
  it.each([COMPANY, '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'])(
    'takes %s',
    (text) => {
      expect(isGuid(text)).toBe(true);
    },
  );

  it.each([
    ['empty', ''],
    ['upper case', COMPANY.toUpperCase()],
    ['without dashes', COMPANY.replaceAll('-', '')],
    ['in braces', `{${COMPANY}}`],
    ['too short', COMPANY.slice(1)],
    ['too long', `${COMPANY}0`],
    ['followed by a line break', `${COMPANY}\n`],
    ['not hexadecimal', COMPANY.replace('d', 'g')],
    ['dashes elsewhere', 'd0a3f37-0cd43-11ed-9c9c-bbcffde24a48'],
  ])('refuses what is %s', (_why, text) => {
    expect(isGuid(text)).toBe(false);
  });
});

describe('guidBytesIn', () => {
  it('gives the 16 bytes that the digits say', () => {
    fc.assert(
      fc.property(fc.uuid(), (guid) => {
        expect(Buffer.from(guidBytesIn(guid) ?? []).toString('hex')).toBe(guid.split('-').join(''));
      }),
    );
  });

  it('takes nothing that is no guid', () => {
    const nearly = fc.stringMatching(/^[0-9a-fA-Fg-]{36}$/);
    const broken = fc
      .tuple(fc.uuid(), fc.nat(35), fc.constantFrom('-', '0', 'F', 'g', 'é', '\n'))
      .map(([guid, at, put]) => guid.slice(0, at) + put + guid.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(fc.uuid(), nearly, broken, fc.string()), (text) => {
        expect(guidBytesIn(text) !== undefined).toBe(isGuid(text));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('streams', () => {
  it('are named as the design says', () => {
    expect(streamOf.account(COMPANY)).toBe(`account-${COMPANY}`);
    expect(streamOf.webhook(DNS)).toBe(`webhook-${DNS}`);
    expect(streamOf.invocation(DNS)).toBe(`invocation-${DNS}`);
    expect(RESOURCES.map((resource) => streamOf.resource(COMPANY, resource, 'a-1'))).toEqual([
      `event-${COMPANY}-a-1`,
      `ticket-${COMPANY}-a-1`,
      `product-${COMPANY}-a-1`,
      `shop-${COMPANY}-a-1`,
      `order-${COMPANY}-a-1`,
      `scanner-${COMPANY}-a-1`,
    ]);
  });

  it('are all found by their prefix, each by one alone', () => {
    const names = [
      streamOf.account(COMPANY),
      streamOf.client(6080),
      streamOf.webhook(DNS),
      streamOf.invocation(DNS),
      streamOf.job(DNS),
      streamOf.erasure(COMPANY, '0123456789abcdef0123456789abcdef'),
      ...RESOURCES.map((resource) => streamOf.resource(COMPANY, resource, '1')),
    ];
    const found = names.map((name) => STREAM_PREFIXES.filter((prefix) => name.startsWith(prefix)));
    expect(found.map((prefixes) => prefixes.length)).toEqual(names.map(() => 1));
    expect(new Set(found.flat())).toEqual(new Set(STREAM_PREFIXES));
  });

  it('two resources never share one, whatever their identifiers', () => {
    const identifier = fc.oneof(fc.string(), fc.constantFrom('', '-', `${COMPANY}-1`, `event-${COMPANY}-1`));
    const resource = fc.tuple(fc.uuid(), fc.constantFrom(...RESOURCES), identifier);
    fc.assert(
      fc.property(resource, resource, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        expect(streamOf.resource(...a) === streamOf.resource(...b)).toBe(same);
      }),
    );
  });
});

describe('derived guids', () => {
  it('a change is told apart by company, source and id', () => {
    const change = changeGuid(COMPANY, '/shop', '1');
    expect(isGuid(change)).toBe(true);
    expect(changeGuid(COMPANY, '/shop', '1')).toBe(change);
    expect(changeGuid(DNS, '/shop', '1')).not.toBe(change);
    expect(changeGuid(COMPANY, '/shops', '1')).not.toBe(change);
    expect(changeGuid(COMPANY, '/shop', '2')).not.toBe(change);
  });

  it.each([
    ['ab', 'c', 'a', 'bc'],
    ['a', '', '', 'a'],
    ['a","b', 'c', 'a', 'b","c'],
    ['a\\', '"b', 'a\\"', 'b'],
    ['a\u0000b', 'c', 'a', 'b\u0000c'],
    ['a,b', 'c', 'a', 'b,c'],
    ['\ud800', 'c', '\ud801', 'c'],
  ])('(%j, %j) and (%j, %j) are different changes', (sourceA, idA, sourceB, idB) => {
    expect(changeGuid(COMPANY, sourceA, idA)).not.toBe(changeGuid(COMPANY, sourceB, idB));
  });

  it('wherever a text is cut in two, each cut is another change', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.nat(), fc.nat(), (text, first, second) => {
        const [a, b] = [first % (text.length + 1), second % (text.length + 1)];
        fc.pre(a !== b);
        expect(changeGuid(COMPANY, text.slice(0, a), text.slice(a))).not.toBe(
          changeGuid(COMPANY, text.slice(0, b), text.slice(b)),
        );
      }),
    );
  });

  it('an invocation is the version 5 UUID of the change in the name space of its webhook', () => {
    expect(invocationGuid(DNS, COMPANY)).toBe(uuidV5(DNS, COMPANY));
    expect(invocationGuid(COMPANY, DNS)).not.toBe(invocationGuid(DNS, COMPANY));
  });

  it('what is scheduled is the same event when, and only when, it is the same bytes', () => {
    expect(scheduledEventId(DNS, '{"retries":3}')).toBe(scheduledEventId(DNS, '{"retries":3}'));
    const others = [
      scheduledEventId(DNS, '{"retries":4}'),
      scheduledEventId(COMPANY, '{"retries":3}'),
      tooLargeEventId(DNS, '{"retries":3}'),
    ];
    expect(others).not.toContain(scheduledEventId(DNS, '{"retries":3}'));
    expect(new Set(others).size).toBe(others.length);
  });

  it('are a storage format: these never change', () => {
    expect(changeGuid(COMPANY, 'https://tickets.example', '42')).toBe('f70ba6eb-b611-5947-b9d5-3053de9c85bb');
  });
});

describe('canonicalJson', () => {
  const json = fc.jsonValue({ stringUnit: 'binary', maxDepth: 4 }) as fc.Arbitrary<Json>;

  /** The same value with the keys of every object the other way round. */
  const turned = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(turned);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, member]: [string, Json]) => [key, turned(member)]),
    );
  };

  it('reads back as the same value', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(turned(value))).toBe(canonicalJson(value));
      }),
    );
  });

  it('texts are equal when the values are, and only then', () => {
    const { value: few } = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 2 },
        fc.constantFrom<Json>(null, 0, 1, '1', 'a,b', true),
        fc.array(tie('value'), { maxLength: 2 }),
        fc.dictionary(fc.constantFrom('a', 'b', '1'), tie('value'), { maxKeys: 2, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(few, few, (a, b) => {
        expect(canonicalJson(a) === canonicalJson(b)).toBe(isDeepStrictEqual(a, b));
      }),
      { numRuns: 5_000 },
    );
  });

  it('the order of lists matters', () => {
    expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
  });

  it.each([
    ['{"b":1,"a":{"d":2,"c":[{"z":0,"y":1}]}}', '{"a":{"c":[{"y":1,"z":0}],"d":2},"b":1}'],
    ['{"b":1,"__proto__":{"x":2}}', '{"__proto__":{"x":2},"b":1}'],
    ['{"10":1,"9":2,"a":3}', '{"10":1,"9":2,"a":3}'],
    ['{"\uff5e":1,"\u{1f3ab}":2}', '{"\u{1f3ab}":2,"\uff5e":1}'],
    ['"\\ud800"', '"\\ud800"'],
    ['[1.0,1e2,-0,1E-7]', '[1,100,0,1e-7]'],
    ['null', 'null'],
    ['{"toJSON":1,"constructor":2,"":3}', '{"":3,"constructor":2,"toJSON":1}'],
  ])('of %s', (text, expected) => {
    expect(canonicalJson(JSON.parse(text) as Json)).toBe(expected);
  });
});
