import { expect, it } from 'vitest';
import { AMONG, SlowList } from '../../../src/http/dashboard/slow-list.ts';
import type { SlowWebhook } from '../../../src/projections/read-models.ts';
import type { Timer } from '../../../src/ports/clock.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** Webhooks that took as many milliseconds as they have numbers, looked at in parts. */
const story = (parts: number, clock = new VirtualClock()) => {
  const asked: Array<readonly [after: number | undefined, among: number | undefined]> = [];
  const slowest = (_nowMs: number, limit: number, after = 0, among = AMONG) => {
    asked.push([after, among]);
    const rows = [0, 1].map((number): SlowWebhook => ({
      webhook: String(after + number),
      attempts: 1,
      averageMs: after + number,
    }));
    return {
      rows: rows.toReversed().slice(0, limit),
      next: asked.length % parts === 0 ? undefined : after + among,
    };
  };
  return { clock, asked, list: new SlowList({ clock, readModels: { slowest } }, 3) };
};

const soon = async ({
  clock,
  list,
}: ReturnType<typeof story>): Promise<ReadonlyArray<string> | undefined> => {
  const found = list.soon();
  await clock.advance(60);
  return (await found)?.map(({ webhook }) => webhook);
};

it('looks at some webhooks at a time, and knows the slowest of all', async () => {
  const told = story(3);
  expect(await soon(told)).toEqual(['4001', '4000', '2001']);
  expect(told.asked).toEqual([
    [0, AMONG],
    [2 * 1_000, AMONG],
    [4 * 1_000, AMONG],
  ]);
});

it('looks once for all who ask within half a minute', async () => {
  const told = story(2);
  const both = [told.list.soon(), told.list.soon()];
  await told.clock.advance(60);
  await Promise.all(both);
  await soon(told);
  expect(told.asked).toHaveLength(2);
  await told.clock.advance(30_000);
  await soon(told);
  expect(told.asked).toHaveLength(4);
});

it('lets no page wait for long, and tells a failure', async () => {
  /** A part takes 30 ms. */
  class BusyClock extends VirtualClock {
    override setTimer(delayMs: number, callback: () => void): Timer {
      return super.setTimer(Math.max(delayMs, 30), callback);
    }
  }
  const busy = story(4, new BusyClock());
  expect(await soon(busy)).toBeUndefined();
  await busy.clock.advance(60);
  expect(await soon(busy)).toEqual(['6001', '6000', '4001']);

  const broken = new SlowList(
    {
      clock: new VirtualClock(),
      readModels: {
        slowest: () => {
          throw new Error('the disk is full');
        },
      },
    },
    3,
  );
  await expect(broken.soon()).rejects.toThrow('the disk is full');
});
