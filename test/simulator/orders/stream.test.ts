import { describe, expect, it } from 'vitest';
import { type CloudEvent, cloudEventOf } from '../../../simulator/orders/cloud-event.ts';
import { PRESET_NAMES, PRESETS, type PresetName } from '../../../simulator/orders/presets.ts';
import { type Shape, withParameters } from '../../../simulator/orders/shape.ts';
import { OrderStream } from '../../../simulator/orders/stream.ts';
import { worldOf } from '../../../simulator/orders/world.ts';
import { printedData } from '../../domain/order-samples.ts';

const START_MS = Date.UTC(2026, 0, 5);
const HOUR_MS = 3_600_000;

const streamOf = (preset: PresetName, orders: number, shares: Partial<Shape> = {}, seed = 1) =>
  new OrderStream(
    worldOf({ seed, shape: { ...PRESETS[preset].shape, ...shares }, startMs: START_MS }),
    orders,
  );
const eventsOf = (...args: Parameters<typeof streamOf>): ReadonlyArray<CloudEvent> =>
  [...streamOf(...args)].map(cloudEventOf);
const ofType = (events: ReadonlyArray<CloudEvent>, type: string): ReadonlyArray<CloudEvent> =>
  events.filter((event) => event.type === type);

/** Of one and the same show, in milliseconds since it went on sale. */
const saleAges = (events: ReadonlyArray<CloudEvent>): ReadonlyArray<number> => {
  const onSale = new Map<string, number>();
  for (const { subject, time } of events.filter(
    ({ type, data }) => type === 'event.update' && data['status'] === 'ON_SALE',
  ))
    if (!onSale.has(subject)) onSale.set(subject, Date.parse(time));
  return ofType(events, 'order.sold').map(
    ({ time, data }) =>
      Date.parse(time) - (onSale.get(String((data['event'] as { readonly id: number }).id)) ?? Number.NaN),
  );
};
const shareOf = (values: ReadonlyArray<number>, holds: (value: number) => boolean): number =>
  values.filter(holds).length / values.length;

describe('a stream', () => {
  it('is the same for the same seed, and begins like a longer one', () => {
    const [shorter, longer] = [eventsOf('club-night', 200), eventsOf('club-night', 400)];
    expect(eventsOf('club-night', 200)).toEqual(shorter);
    const sales = ofType(shorter, 'order.sold');
    expect(ofType(longer, 'order.sold').slice(0, 200)).toEqual(sales);
  });

  it('shares neither companies nor orders with another seed or another shape', () => {
    const namesIn = (events: ReadonlyArray<CloudEvent>) =>
      new Set(events.flatMap(({ companyid, subject, source }) => [companyid, subject, source]));
    const first = namesIn(eventsOf('club-night', 50));
    for (const other of [eventsOf('club-night', 50, {}, 2), eventsOf('club-night', 50, { refunds: 0.5 })]) {
      expect([...namesIn(other)].filter((name) => first.has(name))).toEqual([]);
    }
  });

  it('prints orders with the fields that Moshtix prints', () => {
    const shapeOf = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
      if (typeof value !== 'object' || value === null) return null;
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]));
    };
    const { relations, ...sold } = ofType(eventsOf('club-night', 1), 'order.sold')[0]?.data ?? {};
    expect(relations).toBeDefined();
    expect(JSON.stringify(shapeOf(sold))).toBe(JSON.stringify(shapeOf(printedData())));
  });

  it.each(PRESET_NAMES)('never uses a barcode or a ticket id twice: %s', (preset) => {
    const owner = new Map<unknown, string>();
    for (const { subject, data } of eventsOf(preset, 1_000, { reissues: 0.5 })) {
      const { items } = (data['tickets'] ?? { items: [] }) as {
        readonly items: ReadonlyArray<{ readonly id: number; readonly barcode: string }>;
      };
      for (const { id, barcode } of items)
        for (const name of [id, barcode]) {
          expect(Number.isSafeInteger(name) || /^[0-9A-F]{32}$/.test(String(name))).toBe(true);
          if ((owner.get(name) ?? subject) !== subject) throw new Error(`${name} is in two orders`);
          owner.set(name, subject);
        }
    }
  });

  it('knows how far it has come', () => {
    const stream = streamOf('club-night', 100);
    expect(stream.share).toBe(0);
    let last = 0;
    for (const _report of stream) {
      expect(stream.share).toBeLessThanOrEqual(1);
      last = stream.share;
    }
    expect([stream.sold, last]).toEqual([100, 1]);
  });
});

describe('sales look like ticketing', () => {
  it('a festival sells half of its orders within an hour of the on-sale', () => {
    const ages = saleAges(
      eventsOf('festival-on-sale', 3_000, { ordersMin: 3_000, ordersMax: 3_000, hoursBetweenEvents: 8_000 }),
    );
    const withinAnHour = shareOf(ages, (age) => age < HOUR_MS);
    expect(withinAnHour).toBeGreaterThan(0.45);
    expect(withinAnHour).toBeLessThan(0.62);
    // Half of the spike in the first half-life of 12 minutes.
    expect(shareOf(ages, (age) => age < HOUR_MS / 5) / withinAnHour).toBeCloseTo(0.5, 1);
  });

  it('a club sells by day and in the last days', () => {
    const events = eventsOf('club-night', 3_000, {
      hoursBetweenEvents: 600,
      ordersMin: 1_000,
      ordersMax: 1_000,
    });
    const sales = ofType(events, 'order.sold');
    const hours = sales.map(({ time }) => new Date(time).getUTCHours());
    expect(shareOf(hours, (hour) => hour >= 2 && hour < 6)).toBeLessThan(
      shareOf(hours, (hour) => hour >= 18 && hour < 22) / 2,
    );
    const untilStart = sales.map(({ time, data }) => {
      const { startDate } = data['event'] as { readonly startDate: string };
      return Date.parse(startDate) - Date.parse(time);
    });
    expect(Math.min(...untilStart)).toBeGreaterThan(0);
    expect(shareOf(untilStart, (ms) => ms < 72 * HOUR_MS)).toBeGreaterThan(0.4);
  });

  it('shares of orders are those of the parameters', () => {
    const events = eventsOf('theatre-season', 5_000, {
      free: 0.2,
      discounts: 0.5,
      cancellations: 0.1,
      noShows: 0.3,
    });
    const sold = ofType(events, 'order.sold').map(
      ({ data }) =>
        data as unknown as { offerCode: string; tickets: { items: ReadonlyArray<{ totalCost: number }> } },
    );
    const near = (actual: number, expected: number): void =>
      expect(Math.abs(actual - expected)).toBeLessThan(0.03);
    const share = (holds: (order: (typeof sold)[number]) => boolean): number =>
      sold.filter(holds).length / sold.length;
    near(
      share(({ tickets }) => tickets.items.every(({ totalCost }) => totalCost === 0)),
      0.2,
    );
    near(
      share(({ offerCode }) => offerCode !== ''),
      0.8 * 0.5,
    );
    near(ofType(events, 'order.cancelled').length / sold.length, 0.1);
    const tickets = sold.reduce((sum, order) => sum + order.tickets.items.length, 0);
    expect(tickets / sold.length).toBeGreaterThan(2);
    expect(tickets / sold.length).toBeLessThan(2.8);
    const scanned = new Set(ofType(events, 'order.scanned').map(({ subject }) => subject));
    near(scanned.size / sold.length, 0.9 * 0.7 * 0.97);
  });

  it('scans come in the hours before the start, and a show that is called off refunds everybody', () => {
    const scans = ofType(
      eventsOf('club-night', 500, { hoursBetweenEvents: 400, doorsHours: 2 }),
      'order.scanned',
    );
    const hours = scans.map(({ time }) => (Date.parse(time) % (24 * HOUR_MS)) / HOUR_MS);
    expect(Math.min(...hours)).toBeGreaterThanOrEqual(19);
    expect(shareOf(hours, (hour) => hour < 21.5)).toBeGreaterThan(0.95);
    expect(shareOf(hours, (hour) => hour > 19.5 && hour < 20.75)).toBeGreaterThan(0.5);
    const events = eventsOf('cancelled-show', 1_000);
    const open = new Set(ofType(events, 'order.sold').map(({ subject }) => subject));
    for (const { type, subject, data } of events) {
      const { items } = (data['tickets'] ?? { items: [] }) as {
        readonly items: ReadonlyArray<{ readonly valid: boolean }>;
      };
      if (type.startsWith('order.') && items.every(({ valid }) => !valid)) open.delete(subject);
    }
    expect(open.size).toBe(0);
    expect(ofType(events, 'order.scanned')).toEqual([]);
  });
});

describe('parameters', () => {
  const { shape } = PRESETS['club-night'];

  it('are set by name, within their bounds', () => {
    expect(withParameters(shape, ['refunds=0.5', 'companies=7'])).toMatchObject({
      right: { ...shape, refunds: 0.5, companies: 7 },
    });
    for (const [setting, complaint] of [
      ['speed=1', 'there is no parameter "speed"'],
      ['refunds=2', 'refunds must be a number from 0 to 1, not "2"'],
      ['refunds=-1', 'not "-1"'],
      ['companies=1.5', 'must be a whole number'],
      ['companies', 'not ""'],
      ['companies=1=2', 'not "1=2"'],
      ['group=20', 'group must not be more than groupMax'],
      ['spike=0.9', 'spike and rush together'],
    ] as const)
      expect(withParameters(shape, [setting])).toMatchObject({
        left: expect.stringContaining(complaint) as string,
      });
  });
});
