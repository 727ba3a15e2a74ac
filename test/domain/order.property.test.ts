import fc from 'fast-check';
import { isLeft } from 'fp-ts/lib/Either.js';
import { expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { Order } from '../../src/domain/order.ts';
import { CONTRADICTION_KINDS } from '../../src/domain/order-contradiction.ts';
import { nameIn } from '../../src/domain/order-report.ts';
import type { Ticket } from '../../src/domain/order-tickets.ts';
import { printedOrder } from '../../src/domain/order-print.ts';
import {
  decideResource,
  evolveResource,
  initialResource,
  ORDER_LIFE,
  type ReportChange,
  type ResourceState,
} from '../../src/domain/resource-change.ts';
import { decode, emptyHead, seal } from '../../src/eventstore/codec.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { CAUSE } from '../eventstore/events.ts';
import { changed, items, type LifeType, reportOf, ticketsIn } from './order-samples.ts';

/** Lives of orders, each step made from the state that the steps before it reached. */

/** The platform's own book of the order, kept without the code under test. */
interface Book {
  readonly tickets: Array<{ id: number; barcode: string; valid: boolean; scanned: boolean; cents: number }>;
  /** Barcodes that reissues replaced, with the id they belonged to. */
  readonly replaced: Array<{ id: number; barcode: string }>;
  readonly transactions: Array<{ id: number; type: 'PURCHASE' | 'REFUND'; status: 'SUCCESS' }>;
  situation: 'unsold' | 'sold' | 'cancelled';
  /** Ids and barcodes given out so far. */
  made: number;
  readonly counts: { sold: number; refunded: number };
}

const emptyBook = (): Book => ({
  tickets: [],
  replaced: [],
  transactions: [],
  situation: 'unsold',
  made: 0,
  counts: { sold: 0, refunded: 0 },
});

/** What happens next: `picks` choose among what is possible at the time. */
interface Step {
  readonly kind: 'refund' | 'reissue' | 'replace' | 'scan' | 'cancel' | 'plain' | 'nothing';
  readonly picks: number;
  /** The whole order, or only what is affected. */
  readonly full: boolean;
  readonly cents: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(
    'refund',
    'reissue',
    'reissue',
    'replace',
    'scan',
    'scan',
    'plain',
    'nothing',
    'cancel',
  ),
  picks: fc.nat({ max: 255 }),
  full: fc.boolean(),
  cents: fc.constantFrom(0, 1, 1999, 12_345),
});

const chosen = <T>(from: ReadonlyArray<T>, picks: number): ReadonlyArray<T> =>
  from.filter((_, index) => (picks >> (index % 8)) % 2 === 1);

const money = (cents: number): number => Number((cents / 100).toFixed(2));

const ticketData = ({ id, barcode, valid, cents }: Book['tickets'][number]): JsonObject => ({
  id,
  barcode,
  valid,
  unitCost: money(cents),
  bookingFee: 0.1,
  discount: 0.1,
  totalCost: money(cents),
});

const snapshot = (book: Book, withReplaced: boolean): JsonObject => ({
  id: 1,
  channel: 'ONLINE',
  tickets: items(
    ...(withReplaced ? book.replaced.map((old) => ({ ...old, valid: false })) : []).toReversed(),
    ...book.tickets.map(ticketData),
  ),
  transactions: items(...book.transactions),
});

const sell = (book: Book, count: number, cents: number): ReportChange => {
  for (let n = 0; n < count; n += 1) {
    book.made += 1;
    book.tickets.push({ id: book.made, barcode: `B${book.made}`, valid: true, scanned: false, cents });
  }
  if (count * cents > 0) book.transactions.push({ id: 1_000, type: 'PURCHASE', status: 'SUCCESS' });
  book.situation = 'sold';
  book.counts.sold = count;
  return reportOf('order.sold', snapshot(book, false));
};

/** A report that fits the book, which is then carried on; undefined when the step is not possible now. */
const next = (book: Book, { kind, picks, full }: Step): ReportChange | undefined => {
  const open = book.tickets.filter(({ valid }) => valid);
  const some = chosen(open, picks);
  const unscanned = some.filter(({ scanned }) => !scanned);
  const report = (type: LifeType, partial: JsonObject): ReportChange =>
    reportOf(type, full ? snapshot(book, picks % 2 === 0) : partial);
  if (kind === 'plain') return reportOf('order.update', { tickets: items({ id: picks, valid: false }) });
  if (book.situation === 'cancelled') return undefined;
  switch (kind) {
    case 'refund': {
      if (some.length === 0) return undefined;
      for (const ticket of some) ticket.valid = false;
      book.counts.refunded += some.length;
      const refund = { id: 2_000 + (book.made += 1), type: 'REFUND', status: 'SUCCESS' } as const;
      const paid = some.some(({ cents }) => cents > 0);
      if (paid) book.transactions.push(refund);
      return report('order.refunded', {
        ...ticketsIn(...some.map(({ id }) => ({ id, valid: false }))),
        ...(paid && { transactions: items(refund) }),
      });
    }
    case 'reissue': {
      if (unscanned.length === 0) return undefined;
      for (const ticket of unscanned) {
        book.replaced.push({ id: ticket.id, barcode: ticket.barcode });
        book.made += 1;
        ticket.barcode = `B${book.made}`;
      }
      return report('order.reissued', ticketsIn(...unscanned.map(({ id, barcode }) => ({ id, barcode }))));
    }
    case 'replace': {
      if (unscanned.length === 0) return undefined;
      const gone = unscanned.map(({ id, barcode }) => ({ id, barcode }));
      for (const ticket of unscanned) {
        book.made += 1;
        ticket.id = book.made;
        ticket.barcode = `B${book.made}`;
      }
      book.replaced.push(...gone);
      const partial = [...gone.map(({ id }) => ({ id, valid: false })), ...unscanned.map(ticketData)];
      return reportOf('order.reissued', full ? snapshot(book, true) : ticketsIn(...partial));
    }
    case 'scan': {
      // The full order names every ticket that is not said to be invalid.
      const scanned = full ? open : some;
      if (scanned.length === 0) return undefined;
      for (const ticket of scanned) ticket.scanned = true;
      const named = scanned.map(({ id, barcode }) => (id % 2 === 0 ? { id } : { barcode }));
      return report('order.scanned', ticketsIn(...named));
    }
    case 'cancel':
      if (picks > 60) return undefined;
      for (const ticket of book.tickets) ticket.valid = false;
      book.situation = 'cancelled';
      return report('order.cancelled', {});
    case 'nothing':
      return reportOf('order.scanned', { note: picks });
  }
};

const orderIn = (state: ResourceState): Order => {
  const order = state.situation === 'known' ? state.lastChange.order : undefined;
  if (order === undefined) throw new Error('there is no order');
  return order.after;
};

const inShort = (tickets: ReadonlyArray<JsonObject>): ReadonlyArray<string> =>
  tickets.map(({ id, barcode, valid }) => JSON.stringify([id, barcode, valid])).sort();

const life = fc.record({
  count: fc.nat({ max: 5 }),
  cents: fc.constantFrom(0, 1, 1999, 12_345),
  steps: fc.array(step, { maxLength: 12, size: 'max' }),
});

it('a legal life contradicts nothing, and leaves what the platform has in its book', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(life, fc.boolean(), ({ count, cents, steps }, strict) => {
      const book = emptyBook();
      const policy = { strict, reissueScanned: false };
      const sale = sell(book, count, cents);
      let state = evolveResource(initialResource, changed(initialResource, { ...sale, policy }));
      for (const one of steps) {
        const transactionsBefore = orderIn(state).transactions;
        const command = next(book, one);
        if (command === undefined) continue;
        seen.add(one.kind);
        const event = changed(state, { ...command, policy });
        expect(event.order?.contradictions).toEqual([]);
        state = evolveResource(state, event);
        const order = orderIn(state);
        expect(order.transactions.slice(0, transactionsBefore.length)).toEqual(transactionsBefore);

        const valid = order.tickets.filter((ticket) => ticket.valid);
        expect(order.replaced.some((ticket) => ticket.valid)).toBe(false);
        const { sold, refunded } = book.counts;
        expect(valid).toHaveLength(book.situation === 'cancelled' ? 0 : sold - refunded);
        expect(new Set(valid.map(({ barcode }) => barcode)).size).toBe(valid.length);
        expect(inShort([...order.tickets, ...order.replaced])).toEqual(
          inShort([
            ...book.tickets.map(ticketData),
            ...book.replaced.map((old) => ({ ...old, valid: false })),
          ]),
        );
        expect(order.transactions).toEqual(book.transactions);
        expect([...order.scanned].sort()).toEqual(
          book.tickets.flatMap(({ id, scanned }) => (scanned ? [id] : [])).sort(),
        );
        expect(order.situation).toBe(book.situation);
        // The newest event alone tells the state.
        expect(evolveResource(initialResource, event)).toEqual(state);
      }
    }),
    { numRuns: 400 },
  );
  expect([...seen].sort()).toEqual(['cancel', 'nothing', 'plain', 'refund', 'reissue', 'replace', 'scan']);
});

/** Few ids and barcodes, so that they meet. */
const anyTicket: fc.Arbitrary<Json> = fc.record(
  {
    id: fc.constantFrom<Json>(1, 2, 3, '1', 9, null),
    barcode: fc.constantFrom<Json>('B1', 'B2', 'X', 'Y', null),
    valid: fc.boolean(),
    unitCost: fc.constantFrom<Json>(10, -1, 'x'),
    totalCost: fc.constantFrom<Json>(10, 0, 3),
  },
  { requiredKeys: [] },
);
const anyTransaction: fc.Arbitrary<Json> = fc.record(
  { id: fc.constantFrom<Json>(1_000, 71, 72), type: fc.constantFrom<Json>('PURCHASE', 'REFUND', 'LOAN') },
  { requiredKeys: [] },
);
const anyData: fc.Arbitrary<Json> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record(
      {
        id: fc.constantFrom<Json>(1, '1', 2),
        channel: fc.constantFrom('ONLINE', 'BOX_OFFICE'),
        tickets: fc.array(anyTicket, { maxLength: 4 }).map((list) => items(...list)),
        transactions: fc.array(anyTransaction, { maxLength: 3 }).map((list) => items(...list)),
      },
      { requiredKeys: [] },
    ),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json> },
);
const anyReport = fc
  .tuple(fc.constantFrom<string>(...Object.keys(ORDER_LIFE), 'order.update'), anyData)
  .map(([type, data]) => reportOf(type, data));

/** Keys of JSON objects that only a hostile request has are refused before. */
const isUsual = ({ data }: ReportChange): boolean => !JSON.stringify(data).includes('__proto__');

const entriesOf = (order: Order | undefined): ReadonlyArray<Ticket> =>
  order === undefined ? [] : [...order.tickets, ...order.replaced];

const namesOf = (order: Order | undefined): ReadonlyArray<string> =>
  entriesOf(order).flatMap(({ id }) => nameIn(id) ?? []);

/** The order has tickets of this id, and none of them is valid. */
const isDead = (order: Order | undefined, name: string): boolean => {
  const named = entriesOf(order).filter(({ id }) => nameIn(id) === name);
  return named.length > 0 && !named.some(({ valid }) => valid);
};

it('mischief is kept as it was reported and marked; no ticket comes back to life, and no money is lost', () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(
      life,
      fc.nat({ max: 3 }),
      fc.array(anyReport.filter(isUsual), { minLength: 1, maxLength: 6 }),
      ({ count, cents, steps }, legal, mischief) => {
        const book = emptyBook();
        const sale = legal === 0 ? [] : [sell(book, count, cents)];
        const lawful = steps.slice(0, legal).flatMap((one) => next(book, one) ?? []);
        let state: ResourceState = initialResource;
        for (const command of [...sale, ...(legal === 0 ? [] : lawful), ...mischief]) {
          const before = state.situation === 'known' ? state.lastChange.order?.after : undefined;
          const event = changed(state, command);
          expect(event.data).toEqual(command.data);
          for (const { kind } of event.order?.contradictions ?? []) kinds.add(kind);
          state = evolveResource(state, event);
          const strict = decideResource(before === undefined ? initialResource : state, {
            ...command,
            policy: { strict: true, reissueScanned: false },
          });
          if (before === undefined) {
            expect(isLeft(strict)).toBe((event.order?.contradictions.length ?? 0) > 0);
          }
          const after = event.order?.after;
          if (after === undefined) {
            expect([before, command.eventType]).toEqual([undefined, 'ResourceChanged']);
            continue;
          }
          printedOrder(after);
          for (const name of namesOf(before)) {
            if (isDead(before, name)) expect(isDead(after, name)).toBe(true);
          }
          expect(after.transactions.length).toBeGreaterThanOrEqual(before?.transactions.length ?? 0);
          if (before?.situation === 'cancelled') expect(after.situation).toBe('cancelled');
          if (after.situation === 'cancelled') expect(after.tickets.some(({ valid }) => valid)).toBe(false);
          expect(evolveResource(initialResource, event)).toEqual(state);
        }
      },
    ),
    { numRuns: 3_000 },
  );
  expect([...kinds].sort()).toEqual([...CONTRADICTION_KINDS].sort());
});

it('every report is read back from the log as it was written', () => {
  fc.assert(
    fc.property(fc.array(anyReport.filter(isUsual), { minLength: 1, maxLength: 4 }), (commands) => {
      let state: ResourceState = initialResource;
      for (const command of commands) {
        const event = changed(state, command);
        state = evolveResource(state, event);
        const [sealed] = seal('order-1', emptyHead('order-1'), [{ id: guidOf(1), event }], CAUSE).append
          .events;
        if (sealed === undefined) throw new Error('nothing sealed');
        const decoded = decode({ stream: 'order-1', revision: 0, position: 1, event: { ...sealed } });
        if (isLeft(decoded)) throw new Error(decoded.left.reason);
        // Negative zero has no JSON of its own.
        expect(JSON.stringify(decoded.right.event)).toBe(
          JSON.stringify({ ...(({ type: _type, ...data }) => data)(event), type: event.type }),
        );
      }
    }),
  );
});
