import { isLeft } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { noAdmission } from '../../src/delivery/admission.ts';
import { fanOut } from '../../src/delivery/fan-out.ts';
import { uuidV5 } from '../../src/domain/ids.ts';
import type { ResourceChange } from '../../src/domain/resource-change.ts';
import { BUILT_IN_RULES } from '../../src/domain/rules.ts';
import { decode, emptyHead, seal } from '../../src/eventstore/codec.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { EventStore, StreamAppend } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { silentLog } from '../../src/ports/log.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { BASE_MS, World } from '../support/engine-world.ts';
import { opaqueStore } from '../support/opaque-store.ts';
import { answers } from '../support/scripted-sender.ts';

const LEASE_MS = 6_000;
const ONE_SLOT = { inFlightMax: 1, unprovenMax: 1, doubtfulMax: 1, perEndpointMin: 1, perEndpointMax: 1 };
const SLOW_MS = 3_000;

const STORES = {
  'one append for all': openMemoryStore,
  'an append for each': () => opaqueStore(openMemoryStore()),
};

/** What another node stores in the moment before this one stores the same invocation. */
type Other = (world: World, store: EventStore, ours: StreamAppend) => Promise<void>;

/** It is about to lose the partition, or has lost it: it fans out the same change, as it is configured. */
const fansOutWith =
  (defaultRetryBaseMs: number): Other =>
  async (world, store) => {
    const changes = (await world.log()).filter(
      (decoded): decoded is Decoded<ResourceChange> => decoded.event.type === 'ResourceChanged',
    );
    const { readModels } = world.process;
    await fanOut(
      {
        store,
        routing: readModels,
        known: readModels,
        rules: BUILT_IN_RULES,
        defaultRetryBaseMs,
        wait: () => Promise.resolve(true),
        isOurs: () => true,
        stopped: () => false,
        log: silentLog,
      },
      { changes: changes.slice(-1), admission: noAdmission, repeated: false, done: 0, newest: 0 },
    );
  };

/** The same bytes under another id. */
const stores =
  (idOf: (guid: string) => string): Other =>
  async (_world, store, { stream, events }) => {
    const [event] = events;
    const decoded = event && decode({ stream, revision: 0, position: 0, event });
    if (decoded === undefined || isLeft(decoded) || decoded.right.event.type !== 'InvocationScheduled')
      throw new Error('scheduled first');
    const { event: scheduled, metadata } = decoded.right;
    const unsealed = { id: idOf(scheduled.guid), event: scheduled };
    await store.append([seal(stream, emptyHead(stream), [unsealed], metadata).append])();
  };

const OTHERS = {
  'by the same settings': fansOutWith(BASE_MS),
  'with another first wait': fansOutWith(BASE_MS + 1),
  'under the id that an older version gave it': stores((guid) => uuidV5(guid, 'scheduled')),
};

const cases = Object.entries(STORES).flatMap(([kind, open]) =>
  Object.entries(OTHERS).flatMap(([by, other]) =>
    ([true, false] as const).map((hasSlot) => ({ kind, open, by, other, hasSlot })),
  ),
);

describe.each(cases)(
  'an invocation that another node has scheduled $by, on a store that takes $kind, slot: $hasSlot',
  ({ open, other, hasSlot }) => {
    it('is attempted once, and its history hangs together', async () => {
      const store = open();
      const world = new World({ leaseMs: LEASE_MS, store, limits: ONE_SLOT });
      const { intake } = await world.start();
      await world.clock.advance(LEASE_MS);
      await world.webhook();
      await world.clock.advance(1_000);
      if (!hasSlot) {
        world.sender.at('https://receiver.example/hook', answers(200, { afterMs: SLOW_MS }), answers(200));
        await intake.report([world.change()], 'platform', world.random.uuid());
        await world.clock.advance(500);
      }
      let met = 0;
      world.store.beforeAppend = async ([ours]) => {
        if (ours?.events[0]?.type !== 'InvocationScheduled' || met > 0) return;
        met += 1;
        await other(world, store, ours);
      };
      await intake.report([world.change()], 'platform', world.random.uuid());
      await world.clock.advance(2 * SLOW_MS);
      expect(met).toBe(1);
      const invocations = await world.invocations();
      expect(invocations.map(({ situation }) => situation)).toEqual(
        hasSlot ? ['delivered'] : ['delivered', 'delivered'],
      );
      for (const { facts } of invocations) expect(facts.attempts).toHaveLength(1);
      expect(world.sender.seen).toHaveLength(invocations.length);
      await auditWorld(world);
    });
  },
);
