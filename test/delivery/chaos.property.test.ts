import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { InvocationFacts } from '../../src/domain/invocation.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { CAUSE, World } from '../support/engine-world.ts';
import type { AppendFault } from '../support/faulty-store.ts';
import { answers, type Reaction, refuses } from '../support/scripted-sender.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const urlOf = (n: number): string => `https://r${n}.example/`;
const WEBHOOKS = [{}, { ordering: 'per_resource' }, { coalesce: true }, { retries: 0 }] as const;

type Step =
  | { readonly do: 'report'; readonly identifiers: ReadonlyArray<number> }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'kill'; readonly downMs: number }
  | { readonly do: 'stop' }
  | { readonly do: 'second' }
  | { readonly do: 'fail'; readonly fault: AppendFault; readonly times: number }
  | { readonly do: 'reads'; readonly fail: boolean }
  | { readonly do: 'slow'; readonly ms: number }
  | { readonly do: 'jump'; readonly ms: number }
  | { readonly do: 'receiver'; readonly n: number; readonly as: keyof typeof RECEIVERS }
  | { readonly do: 'switch'; readonly n: number; readonly on: boolean }
  | { readonly do: 'edit'; readonly n: number }
  | { readonly do: 'retry'; readonly which: number }
  | { readonly do: 'retryAll'; readonly n: number };

const RECEIVERS = {
  good: () => answers(200),
  failing: () => answers(500),
  dead: () => 'hangs',
  refusing: () => refuses(),
  busy: () => answers(503, { retryAfter: '20' }),
  gone: () => answers(410),
  slow: () => answers(200, { afterMs: 3_000 }),
} satisfies Record<string, () => Reaction>;

/** Of changes that wait for their fan-out: as the product has it, a few, or none at all. */
const held = fc.constantFrom(undefined, 2_000, 0);
const webhook = fc.nat(WEBHOOKS.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      identifiers: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(0, 1, 10, 20, 500, 1_100, 5_000, 60_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('kill' as const), downMs: fc.constantFrom(0, 10, 5_000) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'stop' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'second' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      fault: fc.constantFrom<AppendFault>('unavailable', 'unknown_stored', 'unknown_not_stored'),
      times: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reads' as const), fail: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('slow' as const), ms: fc.constantFrom(0, 5, 30, 800) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('jump' as const),
      ms: fc.constantFrom(-60_000, -2_000, 2_000, 60_000),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('receiver' as const),
      n: webhook,
      as: fc.constantFrom(...(Object.keys(RECEIVERS) as ReadonlyArray<keyof typeof RECEIVERS>)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('switch' as const), n: webhook, on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('edit' as const), n: webhook }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('retry' as const), which: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retryAll' as const), n: webhook }) },
);

/** One world and what is done to it. What a user asks for may take until the store is back: nobody waits for it. */
class Chaos {
  readonly world: World;
  readonly webhooks: ReadonlyArray<string>;

  constructor(world: World, webhooks: ReadonlyArray<string>) {
    this.world = world;
    this.webhooks = webhooks;
  }

  static async begin(changeUnitsMax: number | undefined): Promise<Chaos> {
    const world = await World.started({ changeUnitsMax });
    const webhooks = [];
    for (const [n, settings] of WEBHOOKS.entries()) {
      webhooks.push(await world.webhook({ retries: 4, url: urlOf(n), ...settings }));
    }
    return new Chaos(world, webhooks);
  }

  async run(todo: Step): Promise<void> {
    const { world } = this;
    const guid = 'n' in todo ? (this.webhooks[todo.n] ?? '') : '';
    const { webhooks } = world.process;
    switch (todo.do) {
      case 'report': {
        const changes = todo.identifiers.map((identifier) =>
          world.change('event.update', String(identifier)),
        );
        void world.process.intake.report(changes, 'platform', world.random.uuid());
        return;
      }
      case 'pass':
        return world.clock.advance(todo.ms);
      case 'kill':
        world.kill();
        await world.clock.advance(todo.downMs);
        await world.start();
        return;
      case 'stop':
        void world.process.engine.drain(2_000);
        await world.clock.advance(3_000);
        await world.restart(world.store.readsFail ? undefined : world.process.readModels);
        return;
      case 'second':
        await world.start();
        return;
      case 'fail': {
        let left = todo.times;
        world.store.appendFault = () => ((left -= 1) >= 0 ? todo.fault : undefined);
        return;
      }
      case 'reads':
        world.store.readsFail = todo.fail;
        return;
      case 'slow':
        world.store.beforeAnswer =
          todo.ms === 0
            ? async () => {}
            : () => new Promise((resolve) => world.clock.setTimer(todo.ms, resolve));
        return;
      case 'jump':
        return world.clock.jump(todo.ms);
      case 'receiver':
        return world.sender.at(urlOf(todo.n), RECEIVERS[todo.as]);
      case 'switch':
        void (todo.on ? webhooks.enable(guid, CAUSE) : webhooks.disable(guid, CAUSE));
        return;
      case 'edit':
        void webhooks.update(guid, { retries: 3, url: urlOf(todo.n) }, CAUSE);
        return;
      case 'retry': {
        const guids = world.sender.seen.map(({ id }) => id);
        if (guids.length > 0) void world.retry(guids[todo.which % guids.length] ?? '');
        return;
      }
      case 'retryAll':
        void world.retryAllFailed(guid);
        return;
    }
  }

  /** Everything works again, and has time to come to its end. */
  async heal(): Promise<void> {
    const { world } = this;
    world.store.appendFault = () => undefined;
    world.store.readsFail = false;
    world.store.beforeAnswer = async () => {};
    for (const n of WEBHOOKS.keys()) world.sender.at(urlOf(n), RECEIVERS.good);
    await world.clock.advance(DAY_MS);
  }

  async check(): Promise<void> {
    const { world } = this;
    await auditWorld(world);
    for (const { situation, facts } of await world.invocations()) {
      expect(['delivered', 'exhausted', 'cancelled', 'superseded'], told(facts)).toContain(situation);
    }
    const changes = (await world.log()).flatMap(({ event, id }) => ('fingerprint' in event ? [id] : []));
    expect(new Set(changes).size).toBe(changes.length);
  }
}

const told = ({ scheduled, attempts }: InvocationFacts): string =>
  `${scheduled.guid} of ${scheduled.origin.identifier} after ${attempts.length} attempts`;

/** Found by chance: an invocation that is unblocked before it is due needs its own look at that time. */
const SET_BACK_WHILE_ONE_IS_BLOCKED: Step[] = [
  { do: 'report', identifiers: [0, 0] },
  { do: 'pass', ms: 0 },
  { do: 'retry', which: 0 },
  { do: 'jump', ms: -60_000 },
  { do: 'kill', downMs: 0 },
  { do: 'fail', fault: 'unavailable', times: 1 },
];

/** Found by chance: what somebody else went on with, tried over and over while the reading of the log had to wait. */
const TWO_PROCESSES_WHILE_THE_READING_WAITS: Step[] = [
  { do: 'second' },
  { do: 'report', identifiers: [0] },
  { do: 'pass', ms: 500 },
  { do: 'report', identifiers: [1, 0, 1, 0] },
  { do: 'report', identifiers: [0, 2] },
];

it('whatever happens in whatever order: nothing is lost, early, doubled or stuck, and it all comes to an end', async () => {
  await fc.assert(
    fc.asyncProperty(held, fc.array(step, { minLength: 5, maxLength: 40 }), async (changeUnitsMax, steps) => {
      const chaos = await Chaos.begin(changeUnitsMax);
      for (const todo of steps) await chaos.run(todo);
      await chaos.heal();
      await chaos.check();
      const before = (await chaos.world.log()).length;
      await chaos.world.restart();
      await chaos.world.clock.advance(DAY_MS);
      expect((await chaos.world.log()).length).toBe(before);
    }),
    {
      // The same runs every time; longer hunts draw others: CHAOS_RUNS=2000 CHAOS_SEED=7 npm test -- chaos
      seed: Number(process.env['CHAOS_SEED'] ?? 1),
      numRuns: Number(process.env['CHAOS_RUNS'] ?? 60),
      examples: [
        [undefined, SET_BACK_WHILE_ONE_IS_BLOCKED],
        [0, TWO_PROCESSES_WHILE_THE_READING_WAITS],
      ],
    },
  );
}, 600_000);
