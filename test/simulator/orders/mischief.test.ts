import { expect, it } from 'vitest';
import { cloudEventOf, type Report } from '../../../simulator/orders/cloud-event.ts';
import { Mischief } from '../../../simulator/orders/mischief.ts';
import { PRESETS } from '../../../simulator/orders/presets.ts';
import { OrderStream } from '../../../simulator/orders/stream.ts';
import { worldOf } from '../../../simulator/orders/world.ts';
import { Account } from './account.ts';

const shape = { ...PRESETS['club-night'].shape, ordersMin: 20, ordersMax: 80, refunds: 0.3, reissues: 0.3 };
const worldOfSeed = (seed: number) => worldOf({ seed, shape, startMs: Date.UTC(2026, 0, 5) });
const ORDERS = 1_500;

const idOf = (report: Report): string => cloudEventOf(report).id;

it('does all of it, loses nothing, and the account marks what cannot be', () => {
  const world = worldOfSeed(7);
  const legal = [...new OrderStream(world, ORDERS)];
  const mischief = new Mischief(world, new OrderStream(world, ORDERS), 0.2);
  const account = new Account('lenient');
  const told = new Map<string, string>();
  const kinds = new Set<string>();
  let [repeated, inOrder] = [0, true];
  let lastTime = '';
  for (const report of mischief) {
    const { id, time } = cloudEventOf(report);
    inOrder &&= time >= lastTime;
    lastTime = time;
    const before = told.get(id);
    if (before !== undefined) {
      expect(report.text).toBe(before);
      repeated += 1;
      continue;
    }
    told.set(id, report.text);
    for (const { kind } of account.take(report)) kinds.add(kind);
  }
  const { counts } = mischief;
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(10);
  expect(repeated).toBe(counts.repeated);
  expect(inOrder).toBe(false);
  for (const report of legal) expect(told.get(idOf(report))).toBe(report.text);
  expect(told.size).toBe(legal.length + counts.renumbered + counts.contradicting);
  expect([...kinds].sort()).toEqual(
    expect.arrayContaining([
      'amount_negative',
      'barcode_not_new',
      'barcode_unknown',
      'before_sale',
      'other_order',
      'purchase_missing',
      'sold_twice',
      'ticket_invalid',
      'ticket_twice',
      'ticket_unknown',
      'total_wrong',
      'transaction_type_unknown',
    ]),
  );
});

it('does the same for the same seed, and nothing without a share', () => {
  const texts = (seed: number, share: number): ReadonlyArray<string> => {
    const world = worldOfSeed(seed);
    return [...new Mischief(world, new OrderStream(world, 300), share)].map(({ text }) => text);
  };
  expect(texts(3, 0.3)).toEqual(texts(3, 0.3));
  expect(texts(3, 0.3)).not.toEqual(texts(4, 0.3));
  expect(texts(3, 0)).toEqual([...new OrderStream(worldOfSeed(3), 300)].map(({ text }) => text));
});
