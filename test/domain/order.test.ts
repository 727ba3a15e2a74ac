import { left } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { festivalNight } from '../../src/cli/demo/evening.ts';
import type { Json } from '../../src/domain/json.ts';
import { CONTRADICTIONS_MAX } from '../../src/domain/order-contradiction.ts';
import {
  belongsTo,
  decideResource,
  evolveResource,
  initialResource,
  type ReportChange,
  type ResourceState,
} from '../../src/domain/resource-change.ts';
import { specificationOf } from '../support/decider-spec.ts';
import {
  changed,
  items,
  printedData,
  PURCHASE,
  REFUND,
  reportOf,
  soldFree,
  soldPaid,
  ticketsIn,
  ticketsOf,
  told,
} from './order-samples.ts';

const { given } = specificationOf({
  initial: initialResource,
  evolve: evolveResource,
  decide: decideResource,
});

const refunded = (...list: ReadonlyArray<Json>): ReportChange =>
  reportOf('order.refunded', ticketsIn(...list));
const reissued = (...list: ReadonlyArray<Json>): ReportChange =>
  reportOf('order.reissued', ticketsIn(...list));
const scanned = (...list: ReadonlyArray<Json>): ReportChange => reportOf('order.scanned', ticketsIn(...list));
const cancelled = (data: Json = {}): ReportChange => reportOf('order.cancelled', data);

describe('a sale', () => {
  it('is kept with the whole order after it', () => {
    const data = printedData();
    const command = { ...reportOf('order.sold', data), identifier: '37228036' };
    const { type: _type, eventType, declared: _declared, atMs, ...report } = command;
    const { id, tickets, transactions, ...fields } = data as Record<string, { items: ReadonlyArray<Json> }>;
    given()
      .when(command)
      .decides({
        ...report,
        type: eventType,
        relations: {
          declared: [],
          derived: [
            { resource: 'event', identifier: '132218' },
            { resource: 'ticket', identifier: '360875' },
          ],
        },
        order: {
          after: {
            situation: 'sold',
            id: id as unknown as number,
            fields: fields,
            tickets: tickets?.items as never,
            replaced: [],
            transactions: transactions?.items as never,
            scanned: [],
          },
          contradictions: [],
        },
        atMs,
      });
  });

  it.each<[string, Json]>([
    ['null', null],
    ['an empty object', {}],
    ['empty tickets', { tickets: {} }],
    ['tickets that are null', { tickets: null, transactions: null }],
  ])('with %s is an order without tickets', (_what, data) => {
    expect(told(reportOf('order.sold', data))).toMatchObject({
      order: { situation: 'sold', tickets: [], transactions: [] },
      kinds: [],
    });
  });

  it('of tickets that say nothing of their validity is one of valid tickets', () => {
    expect(ticketsOf(told(reportOf('order.sold', ticketsIn({ id: 1, barcode: 'A' }))))).toEqual(['1:A']);
  });

  it('takes tickets without ids, which nothing can name later', () => {
    const sale = reportOf('order.sold', ticketsIn({ ticketType: { id: 8 } }, { ticketType: { id: 8 } }));
    expect(told(sale).order.tickets).toHaveLength(2);
    expect(told(sale, sale).order.tickets).toHaveLength(2);
    expect(told(sale, scanned({ ticketType: { id: 8 } })).kinds).toEqual(['ticket_unknown']);
  });

  it('a second time is one too many, and adds what it brings', () => {
    const second = told(soldFree(1), soldFree(2));
    expect(second.kinds).toEqual(['sold_twice']);
    expect(ticketsOf(second)).toEqual(['1:A', '2:B']);
    expect(second.contradictions[0]).toEqual({
      kind: 'sold_twice',
      field: 'type',
      message: 'the order is sold already; reported: order.sold',
    });
  });

  it('that lists a ticket or a barcode twice contradicts itself', () => {
    const twice = reportOf('order.sold', ticketsIn({ id: 1, barcode: 'A' }, { id: '1', barcode: 'A' }));
    expect([told(twice).kinds, ticketsOf(told(twice))]).toEqual([['ticket_twice'], ['1:A']]);
    const shared = reportOf('order.sold', ticketsIn({ id: 1, barcode: 'A' }, { id: 2, barcode: 'A' }));
    expect(told(shared).kinds).toEqual(['barcode_used']);
  });

  it('may list what was reissued before, with the old barcode and invalid', () => {
    const list = [
      { id: 1, barcode: 'A', valid: false },
      { id: 1, barcode: 'B', valid: true },
    ];
    const sale = told(reportOf('order.sold', ticketsIn(...list)));
    expect([sale.kinds, ticketsOf(sale)]).toEqual([[], ['1:A-', '1:B']]);
    expect(ticketsOf(told(reportOf('order.sold', ticketsIn(...list)), refunded({ id: 1 })))).toEqual([
      '1:A-',
      '1:B-',
    ]);
  });
});

describe('what a report does not carry', () => {
  it('stays; fields that it carries replace', () => {
    const sale = reportOf('order.sold', { channel: 'ONLINE', customer: { id: 7, email: 'a@b.example' } });
    const { fields } = told(sale, reportOf('order.scanned', { customer: { id: 8 }, gate: 'B' })).order;
    expect(fields).toEqual({ channel: 'ONLINE', customer: { id: 8 }, gate: 'B' });
  });

  it('stays on tickets too', () => {
    const sale = reportOf('order.sold', ticketsIn({ id: 1, barcode: 'A', firstName: 'Fred', row: 3 }));
    const after = told(sale, refunded({ id: '1', firstName: 'Ada' })).order;
    expect(after.tickets).toEqual([{ id: 1, barcode: 'A', firstName: 'Ada', row: 3, valid: false }]);
  });

  it('leaves the order with its event and all its ticket types', () => {
    const ofType = (id: number) => ({ id, ticketType: { id: id * 10 } });
    const sale = reportOf('order.sold', { event: { id: 5 }, ...ticketsIn(ofType(1), ofType(2)) });
    const state = evolveResource(initialResource, changed(initialResource, sale));
    const { relations } = changed(state, refunded(ofType(2)));
    expect(belongsTo(relations).map(({ identifier }) => identifier)).toEqual(['5', '10', '20']);
  });

  it('is carried on by plain triggers, which say nothing of the life of the order', () => {
    const sale = soldFree(1);
    const plain = told(sale, reportOf('order.update', ticketsIn({ id: 1, valid: false })));
    expect(plain).toEqual({ ...told(sale), kinds: [], contradictions: [] });
    expect(() => told(reportOf('order.paid', ticketsIn({ id: 1 })))).toThrow('there is no order');
  });
});

describe('a refund', () => {
  it('is of the listed tickets that are not valid: true', () => {
    expect(ticketsOf(told(soldFree(3), refunded({ id: 2 })))).toEqual(['1:A', '2:B-', '3:C']);
    expect(ticketsOf(told(soldFree(2), refunded({ barcode: 'B', valid: false })))).toEqual(['1:A', '2:B-']);
    const full = [
      { id: 1, valid: true },
      { id: 2, valid: false },
    ];
    expect(told(soldFree(2), refunded(...full))).toMatchObject({ kinds: [] });
    expect(ticketsOf(told(soldFree(2), refunded(...full)))).toEqual(['1:A', '2:B-']);
  });

  it('that lists all tickets restates those invalid before, as long as it makes one invalid', () => {
    const first = [soldFree(2), refunded({ id: 1, valid: false }, { id: 2, valid: true })];
    expect(told(...first, refunded({ id: 1, valid: false }, { id: 2, valid: false })).kinds).toEqual([]);
    const nothingNew = told(...first, refunded({ id: 1, valid: false }, { id: 2, valid: true }));
    expect(nothingNew.contradictions).toEqual([
      {
        kind: 'ticket_invalid',
        ticket: 1,
        field: 'data.tickets.items[0]',
        message: 'ticket 1 is not valid any more; reported as refunded',
      },
    ]);
  });

  it('of some tickets does not name one that is invalid', () => {
    const again = told(soldFree(3), refunded({ id: 1 }), refunded({ id: 2 }, { id: 1 }));
    expect([again.kinds, ticketsOf(again)]).toEqual([['ticket_invalid'], ['1:A-', '2:B-', '3:C']]);
  });

  it('may name the barcodes that a reissue left', () => {
    const both = refunded({ id: 1, barcode: 'X' }, { id: 1, barcode: 'A', valid: false });
    expect(told(soldFree(2), reissued({ id: 1, barcode: 'X' }), both).kinds).toEqual([]);
    const old = refunded({ id: 1, barcode: 'A' });
    expect(told(soldFree(2), reissued({ id: 1, barcode: 'X' }), old).kinds).toEqual(['ticket_invalid']);
  });

  it('does not make an invalid ticket valid', () => {
    const report = refunded({ id: 1, valid: true }, { id: 2, valid: false });
    const again = told(soldFree(2), refunded({ id: 1 }), report);
    expect([again.kinds, ticketsOf(again)]).toEqual([['ticket_invalid'], ['1:A-', '2:B-']]);
  });

  it('of a ticket that the order does not have takes none in', () => {
    const other = told(soldFree(1), refunded({ id: 9, barcode: 'Z' }));
    expect([other.kinds, ticketsOf(other)]).toEqual([['ticket_unknown'], ['1:A']]);
    expect(other.contradictions[0]?.message).toBe('the order has no ticket 9; reported as refunded');
  });

  it('with another barcode than the ticket has says so, and goes by the id', () => {
    const other = told(soldFree(1), refunded({ id: 1, barcode: 'Z' }));
    expect([other.kinds, ticketsOf(other)]).toEqual([['barcode_unknown'], ['1:A-']]);
  });

  it('of which nothing is refunded contradicts itself; money alone may go back', () => {
    expect(told(soldFree(1), refunded({ id: 1, valid: true })).kinds).toEqual(['nothing_refunded']);
    const money = { ...ticketsIn({ id: 1, valid: true }), transactions: items(REFUND) };
    expect(told(soldFree(1), reportOf('order.refunded', money)).kinds).toEqual([]);
  });
});

describe('a reissue', () => {
  it('gives a ticket a new barcode; the old one is kept at the end, invalid', () => {
    const once = [soldFree(2), reissued({ id: 1, barcode: 'X' })];
    expect([told(...once).kinds, ticketsOf(told(...once))]).toEqual([[], ['1:X', '2:B', '1:A-']]);
    const twice = [...once, reissued({ id: '1', barcode: 'Y', valid: true })];
    expect([told(...twice).kinds, ticketsOf(told(...twice))]).toEqual([[], ['1:Y', '2:B', '1:A-', '1:X-']]);
  });

  it('may list the old barcode as invalid beside the new one, in either order', () => {
    const [old, fresh] = [
      { id: 1, barcode: 'A', valid: false },
      { id: 1, barcode: 'X', valid: true },
    ];
    for (const list of [
      [old, fresh],
      [fresh, old],
    ]) {
      const after = told(soldFree(2), reissued(...list));
      expect([after.kinds, ticketsOf(after)]).toEqual([[], ['1:X', '2:B', '1:A-']]);
    }
  });

  it('in a full order leaves what is restated untouched, old entries too', () => {
    const once = [soldFree(3), refunded({ id: 3 }), reissued({ id: 1, barcode: 'X' })];
    const full = [
      { id: 1, barcode: 'X', valid: true },
      { id: 2, barcode: 'Y', valid: true },
      { id: 3, barcode: 'C', valid: false },
      { id: 1, barcode: 'A', valid: false },
      { id: 2, barcode: 'B', valid: false },
    ];
    const again = told(...once, reissued(...full));
    expect(again.kinds).toEqual([]);
    expect(ticketsOf(again)).toEqual(['1:X', '2:Y', '3:C-', '1:A-', '2:B-']);
  });

  it('replaces a ticket listed as invalid by a new one, which takes its place and what it does not say', () => {
    const sale = reportOf('order.sold', ticketsIn({ id: 1, barcode: 'A', row: 3 }, { id: 2, barcode: 'B' }));
    const after = told(sale, reissued({ id: 1, valid: false }, { id: 9, barcode: 'X' }));
    expect([after.kinds, ticketsOf(after)]).toEqual([[], ['9:X', '2:B', '1:A-']]);
    expect(after.order.tickets[0]).toMatchObject({ row: 3 });
    expect(ticketsOf(told(sale, reissued({ id: 9, barcode: 'X' }, { id: 1, valid: false })))).toEqual([
      '9:X',
      '2:B',
      '1:A-',
    ]);
  });

  it('of a ticket without a barcode leaves no old one behind', () => {
    const sale = reportOf('order.sold', ticketsIn({ id: 1 }));
    expect(ticketsOf(told(sale, reissued({ id: 1, barcode: 'X' })))).toEqual(['1:X']);
  });

  it.each<[string, string, ReadonlyArray<Json>, ReadonlyArray<string>]>([
    ['barcode_not_new', 'the barcode it has', [{ id: 1, barcode: 'A' }], ['1:A', '2:B']],
    ['barcode_not_new', 'no barcode', [{ id: 1 }], ['1:A', '2:B']],
    ['barcode_not_new', 'no ticket in its place', [{ id: 1, valid: false }], ['1:A-', '2:B']],
    [
      'barcode_not_new',
      'a new ticket without one',
      [{ id: 1, valid: false }, { id: 9 }],
      ['9:none', '2:B', '1:A-'],
    ],
    ['barcode_used', 'the barcode of another ticket', [{ id: 1, barcode: 'B' }], ['1:A', '2:B']],
    ['ticket_unknown', 'a ticket nobody knows', [{ id: 9, barcode: 'X' }], ['1:A', '2:B']],
    [
      'ticket_twice',
      'two barcodes',
      [
        { id: 1, barcode: 'X' },
        { id: 1, barcode: 'Y' },
      ],
      ['1:X', '2:B', '1:A-'],
    ],
    ['barcode_unknown', 'another one, invalid', [{ id: 1, barcode: 'X', valid: false }], ['1:A', '2:B']],
  ])('says %s of %s', (kind, _what, list, tickets) => {
    const after = told(soldFree(2), reissued(...list));
    expect([after.kinds, ticketsOf(after)]).toEqual([[kind], tickets]);
  });

  it('does not give back a barcode that an earlier one replaced', () => {
    const after = told(soldFree(1), reissued({ id: 1, barcode: 'X' }), reissued({ id: 1, barcode: 'A' }));
    expect([after.kinds, ticketsOf(after)]).toEqual([['ticket_invalid'], ['1:X', '1:A-']]);
    const other = told(soldFree(2), reissued({ id: 1, barcode: 'X' }), reissued({ id: 2, barcode: 'A' }));
    expect([other.kinds, ticketsOf(other)]).toEqual([['barcode_used'], ['1:X', '2:B', '1:A-']]);
  });

  it('does not bring a refunded ticket back', () => {
    const after = told(soldFree(1), refunded({ id: 1 }), reissued({ id: 1, barcode: 'X' }));
    expect([after.kinds, ticketsOf(after)]).toEqual([['ticket_invalid'], ['1:A-']]);
  });

  it('of a scanned ticket is allowed by the rules, or marked', () => {
    const before = [soldFree(2), scanned({ id: 1 })];
    const again = reissued({ id: 1, barcode: 'X' });
    expect([told(...before, again).kinds, ticketsOf(told(...before, again))]).toEqual([
      ['scanned_ticket_reissued'],
      ['1:X', '2:B', '1:A-'],
    ]);
    const allowed = { ...again, policy: { strict: true, reissueScanned: true } };
    expect(told(...before, allowed).kinds).toEqual([]);
    const replaced = reissued({ id: 1, valid: false }, { id: 9, barcode: 'X' });
    expect(told(...before, replaced).kinds).toEqual(['scanned_ticket_reissued']);
  });
});

describe('a scan', () => {
  it('marks tickets by id or barcode; again is re-entry', () => {
    const once = [soldFree(3), scanned({ id: '1' }, { barcode: 'B' })];
    expect(told(...once)).toMatchObject({ kinds: [], order: { scanned: [1, 2] } });
    expect(told(...once, scanned({ id: 1 }))).toMatchObject({ kinds: [], order: { scanned: [1, 2] } });
  });

  it('of an invalid ticket is marked', () => {
    const refund = [soldFree(3), refunded({ id: 1 })];
    expect(told(...refund, scanned({ id: 1 })).kinds).toEqual(['invalid_ticket_scanned']);
    const old = [soldFree(2), reissued({ id: 1, barcode: 'X' }), scanned({ barcode: 'A' })];
    expect(told(...old)).toMatchObject({ kinds: ['invalid_ticket_scanned'], order: { scanned: [] } });
  });

  it('that reports the full order restates what is said to be invalid', () => {
    const full = [
      { id: 1, valid: false },
      { id: 2, valid: true },
    ];
    const after = told(soldFree(2), refunded({ id: 1 }), scanned(...full));
    expect(after).toMatchObject({ kinds: [], order: { scanned: [2] } });
    expect(told(soldFree(2), refunded({ id: 1 }), scanned({ id: 1 }, { id: 2 })).kinds).toEqual([
      'invalid_ticket_scanned',
    ]);
  });

  it('of a ticket nobody knows is marked', () => {
    expect(told(soldFree(1), scanned({ barcode: 'Z' }))).toMatchObject({
      kinds: ['ticket_unknown'],
      order: { scanned: [] },
    });
  });
});

describe('a cancellation', () => {
  it('ends all tickets, listed or not', () => {
    const after = told(soldFree(2), cancelled());
    expect([after.kinds, after.order.situation, ticketsOf(after)]).toEqual([
      [],
      'cancelled',
      ['1:A-', '2:B-'],
    ]);
    expect(told(soldFree(2), cancelled(ticketsIn({ id: 1, valid: false }))).kinds).toEqual([]);
    expect(told(soldFree(2), cancelled(null)).kinds).toEqual([]);
  });

  it.each(['order.sold', 'order.refunded', 'order.reissued', 'order.cancelled', 'order.scanned'])(
    'is followed by nothing: %s brings no ticket back, but what it says is kept',
    (type) => {
      const data = {
        note: 'late',
        ...ticketsIn({ id: 1, barcode: 'X', valid: true }),
        transactions: items(REFUND),
      };
      const after = told(soldFree(2), cancelled(), reportOf(type, data));
      expect(after.contradictions).toEqual([
        { kind: 'after_cancellation', field: 'type', message: `the order is cancelled; reported: ${type}` },
      ]);
      expect(after.order).toMatchObject({
        situation: 'cancelled',
        fields: { note: 'late' },
        transactions: [REFUND],
      });
      expect(after.order.tickets.some(({ valid }) => valid)).toBe(false);
    },
  );
});

describe('before the sale', () => {
  it.each([
    ['order.refunded', 'unknown_sale', ['1:A-']],
    ['order.reissued', 'unknown_sale', ['1:A']],
    ['order.scanned', 'unknown_sale', ['1:A']],
    ['order.cancelled', 'cancelled', ['1:A-']],
  ])('%s is kept, and is what is known of the order', (type, situation, tickets) => {
    const after = told(reportOf(type, { channel: 'ONLINE', ...ticketsIn({ id: 1, barcode: 'A' }) }));
    expect(after.contradictions).toEqual([
      {
        kind: 'before_sale',
        field: 'type',
        message: `no sale of this order was reported so far; reported: ${type}`,
      },
    ]);
    expect([after.order.situation, ticketsOf(after)]).toEqual([situation, tickets]);
    expect(after.order.fields).toEqual({ channel: 'ONLINE' });
  });

  it('a refund is in force when the sale comes late', () => {
    const late = told(refunded({ id: 1 }), soldFree(2));
    expect([late.kinds, late.order.situation, ticketsOf(late)]).toEqual([[], 'sold', ['1:A-', '2:B']]);
    expect(told(refunded({ id: 1 }), soldFree(2), refunded({ id: 2 })).kinds).toEqual([]);
  });

  it('a cancellation is in force too, and the sale after it is marked', () => {
    const late = told(cancelled(), soldFree(2));
    expect([late.kinds, ticketsOf(late)]).toEqual([['after_cancellation'], ['1:A-', '2:B-']]);
  });

  it('everything else is, until the sale comes', () => {
    expect(told(scanned({ id: 1 }), reissued({ id: 1, barcode: 'X' }))).toMatchObject({
      kinds: ['before_sale'],
      order: { scanned: [1], situation: 'unknown_sale' },
    });
  });
});

describe('money', () => {
  const sale = (ticket: Record<string, Json>, ...transactions: ReadonlyArray<Json>): ReportChange =>
    reportOf('order.sold', { ...ticketsIn({ id: 1, ...ticket }), transactions: items(...transactions) });

  it.each<Record<string, Json>>([
    { unitCost: 0.1, bookingFee: 0.2, discount: 0, totalCost: 0.3 },
    { unitCost: 0.1, bookingFee: 0.2, discount: 0, totalCost: 0.30000000000000004 },
    { unitCost: 1.005, totalCost: 1.005 },
    { unitCost: '19.99', bookingFee: '0.01', totalCost: '20.00' },
    { unitCost: 9007199254740991, bookingFee: 0, totalCost: 9007199254740991 },
    { unitCost: 1e21, discount: 1e21, totalCost: 0 },
    { totalCost: 12 },
    { bookingFee: 2, discount: 1 },
    { unitCost: 'free', totalCost: null },
  ])('adds up: %j', (ticket) => {
    expect(told(sale(ticket, PURCHASE)).kinds).toEqual([]);
  });

  it.each<[Record<string, Json>, string]>([
    [
      { unitCost: 10, bookingFee: 1, discount: 0.5, totalCost: 10.51 },
      'unitCost + bookingFee - discount is 10.5; reported: 10.51',
    ],
    [{ unitCost: 10, totalCost: 12 }, 'unitCost + bookingFee - discount is 10; reported: 12'],
  ])('does not add up: %j', (ticket, message) => {
    expect(told(sale(ticket, PURCHASE)).contradictions).toEqual([
      { kind: 'total_wrong', ticket: 1, field: 'data.tickets.items[0].totalCost', message },
    ]);
  });

  it.each(['unitCost', 'bookingFee', 'discount', 'totalCost'])('is never negative: %s', (name) => {
    const { contradictions } = told(sale({ [name]: -0.01 }, PURCHASE));
    expect(contradictions[0]).toEqual({
      kind: 'amount_negative',
      ticket: 1,
      field: `data.tickets.items[0].${name}`,
      message: 'an amount is 0 or more; reported: -0.01',
    });
  });

  it('is checked in later reports where they carry it', () => {
    expect(told(soldPaid(), scanned({ id: 1, totalCost: 21 })).kinds).toEqual(['total_wrong']);
    expect(told(soldPaid(), scanned({ id: 1 })).kinds).toEqual([]);
  });

  it('has to come in for what is sold', () => {
    const ticket = { unitCost: 20, totalCost: 20 };
    const missing = told(sale(ticket));
    expect(missing.contradictions).toEqual([
      {
        kind: 'purchase_missing',
        field: 'data.transactions',
        message: 'tickets for 20 were sold; no successful PURCHASE transaction was reported',
      },
    ]);
    expect(told(sale(ticket, { ...PURCHASE, status: 'FAILED' })).kinds).toEqual(['purchase_missing']);
    expect(told(sale(ticket, { id: 1, type: 'PURCHASE' })).kinds).toEqual([]);
    expect(told(sale({ unitCost: 0, totalCost: 0 })).kinds).toEqual([]);
  });

  it('has to go back for what is refunded', () => {
    const refund = (...transactions: ReadonlyArray<Json>): ReportChange =>
      reportOf('order.refunded', {
        ...ticketsIn({ id: 1, valid: false }),
        transactions: items(...transactions),
      });
    expect(told(soldPaid(), refund(PURCHASE, REFUND))).toMatchObject({
      kinds: [],
      order: { transactions: [PURCHASE, REFUND] },
    });
    const missing = told(soldPaid(), refund(PURCHASE));
    expect(missing.contradictions).toEqual([
      {
        kind: 'refund_missing',
        ticket: 1,
        field: 'data.transactions',
        message: 'ticket 1 was sold for 20; reported as refunded without a new REFUND transaction',
      },
    ]);
    expect(told(soldFree(1), refunded({ id: 1 })).kinds).toEqual([]);
  });

  it('is for purchases and refunds, and neither becomes the other', () => {
    expect(told(sale({}, { id: 5, type: 'CHARGEBACK' })).contradictions).toEqual([
      {
        kind: 'transaction_type_unknown',
        field: 'data.transactions.items[0].type',
        message: 'a transaction is PURCHASE or REFUND; reported: "CHARGEBACK"',
      },
    ]);
    const turned = reportOf('order.scanned', { transactions: items({ ...PURCHASE, type: 'REFUND' }) });
    expect(told(soldPaid(), turned)).toMatchObject({
      kinds: ['transaction_changed'],
      order: { transactions: [PURCHASE] },
    });
  });

  it('of a transaction reported again is the same money; its status may have moved on', () => {
    const open = sale({ totalCost: 0 }, { ...PURCHASE, status: 'PENDING' }, { type: 'PURCHASE' });
    const settled = reportOf('order.scanned', {
      transactions: items({ id: '70', status: 'SUCCESS' }, { type: 'PURCHASE' }),
    });
    expect(told(open, settled)).toMatchObject({
      kinds: [],
      order: { transactions: [{ id: '70', type: 'PURCHASE', status: 'SUCCESS' }, { type: 'PURCHASE' }] },
    });
  });
});

describe('the id in the data', () => {
  it.each<Json>([1, '1', null])('may be %j for the subject 1', (id) => {
    expect(told(reportOf('order.sold', { id })).kinds).toEqual([]);
    expect(told(reportOf('order.sold', { id })).order.id).toBe(id ?? 1);
  });

  it.each<Json>([2, '01', '', true, { id: 1 }])('must not be %j', (id) => {
    const other = told(reportOf('order.sold', { id }));
    expect([other.kinds, other.order.id]).toEqual([['other_order'], 1]);
    expect(other.contradictions[0]?.message).toBe(`the subject is "1"; reported: ${JSON.stringify(id)}`);
  });
});

describe('a strict account', () => {
  const policy = { strict: true, reissueScanned: false };
  const sold = changed(initialResource, soldFree(1));

  it('refuses what contradicts, with all of it', () => {
    given(sold)
      .when(reportOf('order.refunded', { id: 5, ...ticketsIn({ id: 9 }) }, policy))
      .refuses({
        _tag: 'ReportContradicts',
        contradictions: [
          { kind: 'other_order', field: 'data.id', message: 'the subject is "1"; reported: 5' },
          {
            kind: 'ticket_unknown',
            ticket: 9,
            field: 'data.tickets.items[0]',
            message: 'the order has no ticket 9; reported as refunded',
          },
        ],
      });
  });

  it('takes what does not, as it is taken otherwise', () => {
    const state: ResourceState = evolveResource(initialResource, sold);
    const { policy: _policy, ...lenient } = reportOf('order.refunded', ticketsIn({ id: 1 }), policy);
    expect(decideResource(state, { ...lenient, policy })).toEqual(decideResource(state, lenient));
    expect(decideResource(state, reportOf('order.update', { id: 5 }, policy))).not.toEqual(
      left(expect.anything()),
    );
  });
});

it('keeps a bounded number of contradictions, of bounded length', () => {
  const many = Array.from({ length: 5_000 }, (_, n) => ({ id: `${n}`.repeat(400) }));
  const { contradictions } = told(soldFree(1), refunded(...many));
  expect(contradictions).toHaveLength(CONTRADICTIONS_MAX);
  expect(Math.max(...contradictions.map(({ message }) => message.length))).toBeLessThan(200);
});

it('reads large orders in time that grows with them', () => {
  const COUNT = 4_000;
  const made = (of: (n: number) => Json): Json =>
    ticketsIn(...Array.from({ length: COUNT }, (_, n) => of(n)));
  const sale = reportOf(
    'order.sold',
    made((n) => ({ id: n, barcode: `b${n}`, valid: true })),
  );
  const startedMs = performance.now();
  for (const type of ['order.refunded', 'order.reissued', 'order.scanned', 'order.cancelled']) {
    told(
      sale,
      reportOf(
        type,
        made((n) => ({ id: n, valid: false })),
      ),
    );
    told(
      sale,
      reportOf(
        type,
        made((n) => ({ id: n % 7, barcode: `c${n}` })),
      ),
    );
    told(
      sale,
      reportOf(
        type,
        made((n) => ({ id: n % 2 === 0 ? n : COUNT + n, valid: n % 2 !== 0 })),
      ),
    );
  }
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

it('finds no contradiction in the night that the demo tells', () => {
  const orders = new Map<string, ResourceState>();
  for (const { type, subject, data } of festivalNight(7)) {
    if (!type.startsWith('order.')) continue;
    const state = orders.get(subject) ?? initialResource;
    const event = changed(state, { ...reportOf(type, data), identifier: subject });
    expect(event.order?.contradictions, JSON.stringify(event)).toEqual([]);
    orders.set(subject, evolveResource(state, event));
  }
  expect(orders.size).toBeGreaterThan(100);
});
