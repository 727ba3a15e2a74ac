import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { printedOrder } from '../../src/domain/order-print.ts';
import type { ReportChange } from '../../src/domain/resource-change.ts';
import { items, printedData, reportOf, soldFree, ticketsIn, told } from './order-samples.ts';

const printedAfter = (...commands: ReadonlyArray<ReportChange>): JsonObject =>
  printedOrder(told(...commands).order);

const sold = (data: JsonObject): JsonObject => printedAfter(reportOf('order.sold', data));

describe('the printed payload', () => {
  it('reported as a sale is printed byte for byte', () => {
    const sale = { ...reportOf('order.sold', printedData()), identifier: '37228036' };
    expect(JSON.stringify(printedAfter(sale))).toBe(JSON.stringify(printedData()));
  });

  it('is printed in its order, in whatever order its fields came', () => {
    const reversed = (value: Json): Json => {
      if (typeof value !== 'object' || value === null) return value;
      if (Array.isArray(value)) return (value as ReadonlyArray<Json>).map(reversed);
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, inner]) => [key, reversed(inner)]),
      );
    };
    const sale = { ...reportOf('order.sold', reversed(printedData())), identifier: '37228036' };
    expect(JSON.stringify(printedAfter(sale))).toBe(JSON.stringify(printedData()));
  });
});

it('an order of which nothing was said has every field', () => {
  expect(JSON.stringify(sold({}))).toBe(
    '{"id":1,"createdDate":null,"channel":null,"refCode":"","offerCode":"","customer":null,"event":null,' +
      '"tickets":{"items":[]},"transactions":{"items":[]}}',
  );
});

it('so have its parts', () => {
  const printed = sold({
    customer: {},
    event: { id: 5 },
    ...ticketsIn({ ticketType: { id: 8 } }),
    transactions: items({ id: 3 }),
  });
  expect(JSON.stringify(printed)).toBe(
    '{"id":1,"createdDate":null,"channel":null,"refCode":"","offerCode":"",' +
      '"customer":{"id":null,"email":null,"firstName":null,"lastName":null,"telephone":null},' +
      '"event":{"id":5,"name":null,"startDate":null,"endDate":null,"client":null,"tags":{"items":[]}},' +
      '"tickets":{"items":[{"id":null,"firstName":null,"lastName":null,"valid":true,"barcode":null,' +
      '"unitCost":null,"bookingFee":null,"totalCost":null,"discount":null,' +
      '"ticketType":{"id":8,"name":null,"tags":{"items":[]}}}]},' +
      '"transactions":{"items":[{"id":3,"type":null,"status":null,"ipAddress":null}]}}',
  );
});

it('what else was reported follows, but not its relations', () => {
  const printed = sold({
    notes: [1],
    relations: [{ resource: 'shop', identifier: '7' }],
    customer: { vip: true, id: 7 },
    ...ticketsIn({ row: 3, id: 1 }),
  });
  expect(Object.keys(printed).at(-1)).toBe('notes');
  expect(printed).not.toHaveProperty('relations');
  expect(Object.keys(printed['customer'] as JsonObject)).toEqual([
    'id',
    'email',
    'firstName',
    'lastName',
    'telephone',
    'vip',
  ]);
  expect(printed['tickets']).toMatchObject({ items: [{ id: 1, row: 3 }] });
});

it.each<[Json, Json]>([
  ['2021-11-02T07:47:57Z', '2021-11-02T07:47:57.000Z'],
  ['2021-11-02T08:47:57.123456+01:00', '2021-11-02T07:47:57.123Z'],
  ['2021-11-02', '2021-11-02'],
  ['2021-02-30T00:00:00Z', '2021-02-30T00:00:00Z'],
  ['2021-11-02T27:00:00Z', '2021-11-02T27:00:00Z'],
  [1_635_839_277, 1_635_839_277],
  [null, null],
])('a time reported as %j is printed as %j', (reported, printed) => {
  expect(sold({ createdDate: reported })['createdDate']).toBe(printed);
  expect(sold({ event: { startDate: reported, endDate: reported } })['event']).toMatchObject({
    startDate: printed,
    endDate: printed,
  });
});

it('shows turnstiles the barcodes that are valid no more', () => {
  const printed = printedAfter(
    soldFree(2),
    reportOf('order.reissued', ticketsIn({ id: 1, barcode: 'X' })),
    reportOf('order.refunded', ticketsIn({ id: 2 })),
    reportOf('order.scanned', ticketsIn({ id: 1 })),
  );
  const { items: tickets } = printed['tickets'] as { items: ReadonlyArray<JsonObject> };
  expect(tickets.map(({ id, barcode, valid }) => [id, barcode, valid])).toEqual([
    [1, 'X', true],
    [2, 'B', false],
    [1, 'A', false],
  ]);
  expect(JSON.stringify(printed)).not.toContain('scanned');
});
