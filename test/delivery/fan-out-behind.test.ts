import { afterEach, describe, expect, it } from 'vitest';
import { auditWorld } from '../support/engine-audit.ts';
import { CAUSE, World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';

const CHANGES = 30;

let world: World;
afterEach(() => auditWorld(world));

/** Code units of changes that are held; one has about 700. */
const begin = async (changeUnitsMax: number): Promise<() => number> => {
  world = await World.started({ changeUnitsMax });
  const { readAll } = world.store;
  let readAgain = 0;
  world.store.readAll = (options) => {
    if (options.filter?.streamPrefixes.includes('webhook-') === false) readAgain += 1;
    return readAll(options);
  };
  return () => readAgain;
};

/** The fan-out of the first goes on until the returned function is called. */
const holdUp = (): (() => void) => {
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  world.store.beforeAppend = ([one]) =>
    one?.events[0]?.type === 'InvocationScheduled' ? held : Promise.resolve();
  return () => {
    world.store.beforeAppend = async () => {};
    goOn();
  };
};

const report = async (count: number, from = 0): Promise<void> => {
  for (let n = from; n < from + count; n += 1) await world.report(world.change('event.update', String(n)));
};

const toldInOrder = async (webhook: string): Promise<ReadonlyArray<string>> =>
  (await world.invocations(webhook)).map(({ facts }) => facts.scheduled.identifier);

const identifiers = Array.from({ length: CHANGES }, (_, n) => String(n));

describe('a fan-out that is behind', () => {
  it.each([
    ['all that is more than the limit', 2_000, true],
    ['all', 0, true],
    ['nothing within it', 1_000_000, false],
  ])(
    'reads again %s, tells of every change once and in order, and the reading does not wait',
    async (_, max, again) => {
      const readAgain = await begin(max);
      const webhook = await world.webhook();
      await world.clock.advance(1_000);
      const goOn = holdUp();
      await report(CHANGES);
      await world.clock.advance(1_000);
      expect(await world.process.engine.caughtUp()).toBe(true);
      expect(await toldInOrder(webhook)).toEqual([]);
      goOn();
      await world.clock.advance(60_000);
      expect(await toldInOrder(webhook)).toEqual(identifiers);
      expect(await world.situations()).toEqual(identifiers.map(() => 'delivered'));
      expect(readAgain() > 0).toBe(again);
      expect(world.process.engine.handledUpTo).toBe(world.process.engine.shownUpTo);
    },
  );

  it('reads no more often than it falls behind, however many batches the changes came in', async () => {
    const readAgain = await begin(2_000);
    await world.webhook();
    await world.clock.advance(1_000);
    const goOn = holdUp();
    await report(CHANGES);
    await world.clock.advance(1_000);
    goOn();
    await world.clock.advance(60_000);
    expect(readAgain()).toBe(1);
  });

  it('does what follows from a webhook being disabled in its place among the changes', async () => {
    await begin(0);
    const webhook = await world.webhook();
    await world.clock.advance(1_000);
    const goOn = holdUp();
    await report(5);
    await world.process.webhooks.disable(webhook, CAUSE);
    await report(5, 5);
    await world.clock.advance(1_000);
    goOn();
    await world.clock.advance(60_000);
    expect(await toldInOrder(webhook)).toEqual(['0', '1', '2', '3', '4']);
    // The first was on its way to the store already.
    expect(await world.situations()).toEqual([
      'delivered',
      'cancelled',
      'cancelled',
      'cancelled',
      'cancelled',
    ]);
  });

  it('cancels what waits for a webhook that was disabled behind changes that were left out, as soon as these are told', async () => {
    await begin(0);
    world.sender.at('https://receiver.example/hook', answers(500));
    const webhook = await world.webhook({ retryBaseMs: 3_600_000 });
    await world.webhook({ url: 'https://other.example/' });
    await world.clock.advance(1_000);
    await world.report(world.change('event.update', 'first'));
    await world.clock.advance(1_000);
    expect(await world.situations(webhook)).toEqual(['waiting']);
    const goOn = holdUp();
    await report(3);
    await world.process.webhooks.disable(webhook, CAUSE);
    const disabledAt = (await world.log()).at(-1)?.position ?? 0;
    await report(3, 3);
    await world.clock.advance(1_000);
    expect(await world.situations(webhook)).toEqual(['waiting']);
    expect(world.process.engine.handledUpTo).toBeLessThan(disabledAt);
    goOn();
    await world.clock.advance(2_000);
    expect((await world.situations(webhook))[0]).toBe('cancelled');
    expect(world.process.engine.handledUpTo).toBe(world.process.engine.shownUpTo);
  });

  it('that dies is made up for at the next start', async () => {
    await begin(0);
    const webhook = await world.webhook();
    await world.clock.advance(1_000);
    holdUp();
    await report(CHANGES);
    await world.clock.advance(1_000);
    world.store.beforeAppend = async () => {};
    await world.restart();
    await world.clock.advance(60_000);
    expect([...(await toldInOrder(webhook))].sort()).toEqual([...identifiers].sort());
    expect(await world.situations()).toEqual(identifiers.map(() => 'delivered'));
  });
});
