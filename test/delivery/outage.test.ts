import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Outage } from '../../src/delivery/outage.ts';
import { type Log, type LogFields, silentLog } from '../../src/ports/log.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { World } from '../support/engine-world.ts';
import type { AppendFault } from '../support/faulty-store.ts';
import { answers } from '../support/scripted-sender.ts';
import { promisesDone, VirtualClock } from '../support/virtual-clock.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

interface Line {
  readonly message: string;
  readonly fields: LogFields;
}

const noting = (lines: Line[]): Log => {
  const note = (fields: LogFields, message: string) => void lines.push({ message, fields });
  return { ...silentLog, info: note, warn: note, error: note };
};

const AWAY = 'the event store takes no appends: outcomes wait, no attempt starts';
const BACK = 'the event store takes appends again';

describe('an outage', () => {
  let clock: VirtualClock;
  let lines: Line[];
  let chances: number;
  let overs: number;
  let outage: Outage;
  beforeEach(() => {
    clock = new VirtualClock();
    lines = [];
    chances = 0;
    overs = 0;
    const log = noting(lines);
    const onChance = () => void (chances += 1);
    outage = new Outage({ clock, log, onChance, onOver: () => (overs += 1) });
  });

  /** Appends that wait, and are told in which order they may try again. */
  const waiting = (count: number): string[] => {
    const tried: string[] = [];
    for (let n = 0; n < count; n += 1) {
      outage.failed('away');
      void outage.turn().then(() => tried.push(`append ${n}`));
    }
    return tried;
  };

  it('lets one append try at a time, in the order in which they failed', async () => {
    const tried = waiting(100);
    await clock.advance(499);
    expect(tried).toEqual([]);
    await clock.advance(1);
    expect(tried).toEqual(['append 0']);
    await clock.advance(SECOND_MS);
    expect(tried).toEqual(['append 0', 'append 1', 'append 2']);
    expect(chances).toBe(0);
  });

  it('lets all go on as soon as one was answered', async () => {
    const tried = waiting(100);
    await clock.advance(500);
    outage.over();
    await promisesDone();
    expect(tried).toHaveLength(100);
    expect(outage.isOn).toBe(false);
    expect(overs).toBe(1);
    expect(clock.timers).toBe(0);
  });

  it('lets nothing try again sooner than after half a second, though others are answered meanwhile', async () => {
    let tries = 0;
    const trying = async () => {
      for (;;) {
        tries += 1;
        outage.failed('this one alone');
        await outage.turn();
      }
    };
    void trying();
    for (let ms = 0; ms < 10 * SECOND_MS; ms += 1) {
      outage.over();
      await clock.advance(1);
    }
    expect(tries).toBeLessThanOrEqual(21);
    expect(lines.length).toBeLessThanOrEqual(4);
  });

  it('gives one attempt the chance to find out where no append waits, again and again', async () => {
    outage.failed('away');
    expect(outage.mayStart).toBe(false);
    for (let n = 1; n <= 3; n += 1) {
      await clock.advance(500);
      expect(chances).toBe(n);
      expect(outage.mayStart).toBe(true);
      outage.starts();
      expect(outage.mayStart).toBe(false);
    }
  });

  it('is forgotten when nobody makes use of the chance', async () => {
    outage.failed('away');
    await clock.runUntilQuiet(10 * SECOND_MS);
    expect(outage.isOn).toBe(false);
    expect(outage.mayStart).toBe(true);
  });

  it('holds nobody when it is forgotten', async () => {
    outage.failed('away');
    await clock.advance(600);
    let asked = 0;
    void outage.pause().then(() => (asked += 1));
    await clock.runUntilQuiet(10 * SECOND_MS);
    expect(outage.isOn).toBe(false);
    expect(asked).toBe(1);
  });

  it('lets those who read ask again twice a second, and half a second after it', async () => {
    outage.failed('away');
    let asked = 0;
    const asking = async () => {
      for (let n = 0; n < 5; n += 1) {
        await outage.pause();
        asked += 1;
        outage.starts();
      }
    };
    void asking();
    await clock.advance(SECOND_MS);
    expect(asked).toBe(2);
    outage.over();
    await clock.advance(499);
    expect(asked).toBe(2);
    await clock.advance(1_001);
    expect(asked).toBe(5);
  });

  it('holds nobody when the process ends', async () => {
    const tried = waiting(3);
    outage.close();
    await promisesDone();
    expect(tried).toHaveLength(3);
    await outage.turn();
    expect(clock.timers).toBe(0);
  });

  it('is told at its begin, every ten seconds with what failed until then, and at its end', async () => {
    for (let ms = 0; ms < 30 * SECOND_MS; ms += 100) {
      outage.failed('connection refused');
      await clock.advance(100);
    }
    outage.over();
    expect(lines.map(({ message }) => message)).toEqual([AWAY, AWAY, AWAY, BACK]);
    expect(lines.map(({ fields }) => fields['failures'])).toEqual([1, 101, 201, 300]);
    expect(lines[0]?.fields['reason']).toBe('connection refused');
  });
});

describe('a store that takes no appends while all slots are in flight', () => {
  let world: World;
  let lines: Line[];
  let appends: number;
  afterEach(() => auditWorld(world));

  const SLOTS = 16;
  const begin = async (fault: AppendFault): Promise<void> => {
    world = new World({ limits: { unprovenMax: SLOTS, doubtfulMax: SLOTS } });
    lines = [];
    world.operatorLog = noting(lines);
    await world.start();
    for (let n = 0; n < SLOTS; n += 1) {
      const url = `https://r${n}.example/`;
      world.sender.at(url, answers(n % 2 === 0 ? 200 : 500, { afterMs: 100 }), answers(200));
      await world.webhook({ url });
    }
    await world.report(world.change());
    await world.clock.advance(50);
    expect(world.process.engine.inFlight).toBe(SLOTS);
    lines.length = 0;
    appends = 0;
    world.store.appendFault = (batch) => {
      // What the fan-out or the membership writes is not meant here.
      const [first] = batch[0]?.events ?? [];
      if (first?.type !== 'InvocationScheduled') appends += 1;
      return fault;
    };
  };

  it.each(['unavailable', 'unknown_not_stored'] as const)(
    'is asked twice a second for all of them, and the log says so now and then (%s)',
    async (fault) => {
      await begin(fault);
      await world.clock.advance(MINUTE_MS);
      // Each of them once, then one after the other.
      expect(appends).toBeLessThanOrEqual(SLOTS + 2 * 60);
      expect(appends).toBeGreaterThan(100);
      expect(lines.filter(({ message }) => message === AWAY).length).toBeLessThanOrEqual(7);
      expect(lines.length).toBeLessThanOrEqual(8);
    },
  );

  it.each(['unavailable', 'unknown_stored', 'unknown_not_stored'] as const)(
    'gets all outcomes within half a second when it is back, and nothing is sent again (%s)',
    async (fault) => {
      await begin(fault);
      await world.clock.advance(MINUTE_MS);
      expect(world.sender.seen).toHaveLength(SLOTS);
      const now = world.clock.nowMs();
      world.store.appendFault = () => undefined;
      await world.clock.advance(500);
      const recorded = (await world.invocations()).map(
        ({ facts }) => facts.attempts[0]?.ended?.outcome ?? 'none',
      );
      expect(recorded.toSorted()).toEqual([
        ...Array.from({ length: SLOTS / 2 }, () => 'failed'),
        ...Array.from({ length: SLOTS / 2 }, () => 'succeeded'),
      ]);
      expect(lines.at(-1)?.message).toBe(BACK);
      await world.clock.advance(MINUTE_MS);
      expect(await world.situations()).toEqual(Array.from({ length: SLOTS }, () => 'delivered'));
      expect(world.sender.seen).toHaveLength(SLOTS + SLOTS / 2);
      for (const { atMs } of world.sender.seen.slice(SLOTS)) expect(atMs).toBeGreaterThan(now);
    },
  );

  it('lets the process end, which says what it could not record', async () => {
    await begin('unavailable');
    await world.clock.advance(MINUTE_MS);
    let ended = false;
    void world.process.engine.drain(10_000).then(() => (ended = true));
    await world.clock.advance(1_000);
    expect(ended).toBe(true);
    expect(lines.at(-1)).toMatchObject({ fields: { attempts: SLOTS } });
    world.store.appendFault = () => undefined;
    await world.restart();
    await world.clock.advance(MINUTE_MS);
    expect(await world.situations()).toEqual(Array.from({ length: SLOTS }, () => 'delivered'));
  });
});
