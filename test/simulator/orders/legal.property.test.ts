import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cloudEventOf } from '../../../simulator/orders/cloud-event.ts';
import { PRESET_NAMES, PRESETS } from '../../../simulator/orders/presets.ts';
import type { Shape } from '../../../simulator/orders/shape.ts';
import { OrderStream } from '../../../simulator/orders/stream.ts';
import { worldOf } from '../../../simulator/orders/world.ts';
import { Account } from './account.ts';

/** Small and eventful, so that a few hundred orders live through everything. */
const eventful = (shape: Shape, shares: Partial<Shape>): Shape => ({
  ...shape,
  ordersMin: 5,
  ordersMax: 60,
  ...shares,
});

const share = fc.constantFrom(0, 0.1, 0.5, 1);
const shares: fc.Arbitrary<Partial<Shape>> = fc.record(
  {
    free: share,
    discounts: share,
    refunds: share,
    reissues: share,
    cancellations: share,
    noShows: share,
    calledOff: share,
    group: fc.constantFrom(1, 2.5, 8),
    companies: fc.integer({ min: 1, max: 4 }),
    saleDays: fc.constantFrom(0.5, 3, 40),
    doorsHours: fc.constantFrom(0.1, 2, 10),
  },
  { requiredKeys: [] },
);

const stream = fc
  .record({
    seed: fc.nat({ max: 2 ** 32 - 1 }),
    preset: fc.constantFrom(...PRESET_NAMES),
    shares,
    orders: fc.integer({ min: 1, max: 120 }),
  })
  .map(({ seed, preset, shares: drawn, orders }) => ({
    world: worldOf({ seed, shape: eventful(PRESETS[preset].shape, drawn), startMs: Date.UTC(2026, 0, 5) }),
    orders,
  }));

it(
  'every report is taken by a strict account, in the order of time, and every id is new',
  { timeout: 60_000 },
  () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(stream, ({ world, orders }) => {
        const account = new Account('strict');
        const ids = new Set<string>();
        let sold = 0;
        let lastTime = '';
        for (const report of new OrderStream(world, orders)) {
          const event = cloudEventOf(report);
          if (event.time < lastTime) throw new Error(`${event.time} comes after ${lastTime}`);
          lastTime = event.time;
          ids.add(event.id);
          seen.add(event.type);
          if (event.type === 'order.sold') sold += 1;
          const contradictions = account.take(report);
          if (contradictions.length > 0)
            throw new Error(`${JSON.stringify(contradictions)} in ${report.text}`);
        }
        expect(sold).toBe(orders);
        expect(ids.size).toBe(account.taken);
      }),
      { numRuns: 100 },
    );
    expect([...seen].sort()).toEqual([
      'event.create',
      'event.update',
      'order.cancelled',
      'order.refunded',
      'order.reissued',
      'order.scanned',
      'order.sold',
      'product.create',
      'product.update',
      'scanner.scan',
      'shop.create',
      'shop.update',
      'ticket.create',
      'ticket.update',
    ]);
  },
);
