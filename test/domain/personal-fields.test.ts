import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import { MASK, masked, maskedBody, maskedExcerpt } from '../../src/domain/personal-fields.ts';

const CUSTOMER = {
  id: 6702175,
  email: 'test@moshtix.example',
  firstName: 'Fred',
  lastName: 'Durst',
  telephone: '0433567777',
};
const ORDER = {
  id: 37228036,
  channel: 'ONLINE',
  customer: CUSTOMER,
  event: { id: 132218, name: 'Test API Event', client: null },
  tickets: {
    items: [
      { id: 1, firstName: 'Ann', lastName: null, barcode: 'F2D7', ticketType: { id: 5, name: 'free' } },
    ],
  },
  transactions: {
    items: [{ id: 2, status: 'SUCCESS', ipAddress: '2001:8004:1140:7f9e:64bc:1ec4:94a7:de87' }],
  },
};
const SECRETS = ['moshtix.example', 'Fred', 'Durst', '0433567777', 'Ann', '2001:8004'];

const expectNothingPersonal = (text: string): void => {
  for (const secret of SECRETS) expect(text).not.toContain(secret);
};

describe('masking', () => {
  it('of an order masks its customer, the names on tickets and the addresses, and nothing else', () => {
    expect(masked(ORDER)).toEqual({
      ...ORDER,
      customer: { id: 6702175, email: MASK, firstName: MASK, lastName: MASK, telephone: MASK },
      tickets: { items: [{ ...ORDER.tickets.items[0], firstName: MASK, lastName: null }] },
      transactions: { items: [{ id: 2, status: 'SUCCESS', ipAddress: MASK }] },
    });
  });

  it.each<[string, Json, Json]>([
    [
      'other spellings',
      { E_Mail: 'x', FIRST_NAME: 'x', 'phone-number': 'x' },
      { E_Mail: MASK, FIRST_NAME: MASK, 'phone-number': MASK },
    ],
    ['any depth', [{ a: [{ b: { email: 'x' } }] }], [{ a: [{ b: { email: MASK } }] }]],
    [
      'whole values',
      { email: { work: 'x' }, phone: 43, ip: ['1.2.3.4'] },
      { email: MASK, phone: MASK, ip: MASK },
    ],
    ['what was not reported', { email: null, firstName: '' }, { email: null, firstName: '' }],
    [
      'all of a person',
      { buyer: { id: 1, nick: 'f', home: { city: 'x', id: 2 } } },
      { buyer: { id: 1, nick: MASK, home: { city: MASK, id: 2 } } },
    ],
    [
      'lists of persons',
      { attendees: [{ id: 1, name: 'x' }, 'Fred'] },
      { attendees: [{ id: 1, name: MASK }, MASK] },
    ],
    ['the name of a show', { event: { name: 'Show' }, name: 'x' }, { event: { name: 'Show' }, name: 'x' }],
    ['an address in a note', { note: 'ask fred.d+x@mail.example today' }, { note: `ask ${MASK} today` }],
    ['JSON in a text', { inner: '{"email": "x", "a": 1}' }, { inner: `{"email":"${MASK}","a":1}` }],
    ['a piece of JSON in a text', { inner: 'order: {"email": "x", "a": 1}' }, { inner: MASK }],
    ['XML in a text', { inner: '<order><email>x</email></order>' }, { inner: MASK }],
    [
      'numbers and texts without any',
      { n: 1.5, t: 'x', b: true, z: null },
      { n: 1.5, t: 'x', b: true, z: null },
    ],
  ])('finds %s', (_what, value, expected) => {
    expect(masked(value)).toEqual(expected);
  });

  it('keeps a field called __proto__ a field', () => {
    const value = JSON.parse('{"__proto__": {"email": "x"}}') as Json;
    expect(JSON.stringify(masked(value))).toBe(`{"__proto__":{"email":"${MASK}"}}`);
  });

  it('ends with what is nested without end', () => {
    let deep: Json = { email: 'fred@mail.example' };
    for (let level = 0; level < 5_000; level += 1) deep = level % 2 === 0 ? [deep] : { customer: deep };
    expect(JSON.stringify(masked(deep))).not.toContain('fred');
    let text = '{"email": "fred"}';
    for (let level = 0; level < 12; level += 1) text = JSON.stringify({ inner: text });
    expect(JSON.stringify(masked(JSON.parse(text) as Json))).not.toContain('fred');
  });
});

describe('bodies', () => {
  it('of both dialects', () => {
    for (const body of [
      JSON.stringify({ guid: 'g', data: ORDER }),
      JSON.stringify({ eventType: 'order-saved', data: JSON.stringify(ORDER) }),
      JSON.stringify({ eventType: 'order-saved', data: `order ${JSON.stringify(ORDER)}` }),
    ]) {
      const shown = maskedBody(body);
      expectNothingPersonal(shown ?? '');
      expect(() => JSON.parse(shown ?? '') as unknown).not.toThrow();
    }
  });

  it('without anything personal stay as they are, to the byte', () => {
    const body = '{ "a" : 1.0, "big": 12345678901234567890,\n "event": {"name": "Show"} }';
    expect(maskedBody(body)).toBe(body);
  });

  it('that are no JSON are withheld', () => {
    expect(maskedBody('<order><email>x</email></order>')).toBeNull();
    expect(maskedBody('email=fred')).toBeNull();
  });

  it('cut off, as excerpts of answers are', () => {
    expect(maskedExcerpt('{"got": {"email": "fred@mail.exam')).toBe(MASK);
    expect(maskedExcerpt('{\\"lastName\\": \\"Durst')).toBe(MASK);
    expect(maskedExcerpt('thanks, fred@mail.example')).toBe(`thanks, ${MASK}`);
    expect(maskedExcerpt('OK')).toBe('OK');
  });
});

it('the payload that Moshtix prints has no field that is personal and unknown', () => {
  // Of the fields under customer, tickets and transactions, these are the ones that say nothing of a person.
  const source = readFileSync(new URL('../../src/domain/order-print.ts', import.meta.url), 'utf8');
  const names = [...source.matchAll(/^const (?:CUSTOMER|TICKET|TRANSACTION)\b[^;]*;/gms)].flatMap(([block]) =>
    [...block.matchAll(/(\w+): (?:ANY|TEXT)/g)].map(([, name]) => name ?? ''),
  );
  expect(names.length).toBeGreaterThan(12);
  const open = names.filter(
    (name) => JSON.stringify(masked({ [name]: 'value' })) !== `{"${name}":"${MASK}"}`,
  );
  expect(new Set(open)).toEqual(
    new Set([
      'id',
      'valid',
      'barcode',
      'unitCost',
      'bookingFee',
      'totalCost',
      'discount',
      'name',
      'type',
      'status',
    ]),
  );
});

it('a field that stands there twice hides nothing', () => {
  expect(maskedBody('{"email": "fred", "email": null}')).toBe('{"email":null}');
});
