import { isLeft } from 'fp-ts/lib/Either.js';
import { expect, it } from 'vitest';
import { schedulingId } from '../../src/delivery/fan-out.ts';
import type { InvocationScheduled } from '../../src/domain/invocation.ts';
import { emptyHead, seal } from '../../src/eventstore/codec.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { BASE_MS, CAUSE, World } from '../support/engine-world.ts';
import { opaqueStore } from '../support/opaque-store.ts';
import { answers } from '../support/scripted-sender.ts';

const URL = 'https://receiver.example/hook';

/** The same event on another node, which was given something else, just before this node stores its own. */
it.each([
  ['the same', {}],
  ['another default wait', { retryBaseMs: BASE_MS + 1 }],
  ['another rendering', { body: '{"rendered":"by another version"}' }],
])(
  'an invocation that another node has scheduled first with %s goes on as it stands there',
  async (_, more) => {
    const world = new World({
      leaseMs: 6_000,
      store: opaqueStore(openMemoryStore()),
      limits: { perEndpointMin: 1, perEndpointMax: 1, unprovenMax: 1, doubtfulMax: 1, inFlightMax: 1 },
    });
    await world.start();
    await world.clock.advance(6_000);
    await world.webhook({ url: URL });
    // The first takes the only slot, so that the second is scheduled without its attempt.
    world.sender.at(URL, answers(200, { afterMs: 3_000 }), answers(500), answers(200));
    await world.report(world.change('event.update', '1'));
    await world.clock.advance(500);
    let theirs: InvocationScheduled | undefined;
    world.store.beforeAppend = async ([append]) => {
      const [event] = append?.events ?? [];
      if (theirs !== undefined || append === undefined || event?.type !== 'InvocationScheduled') return;
      expect(append.events).toHaveLength(1);
      const ours = {
        type: 'InvocationScheduled',
        ...(JSON.parse(event.data) as object),
      } as InvocationScheduled;
      theirs = { ...ours, ...more };
      const id = schedulingId(theirs);
      expect(id === event.id).toBe(Object.keys(more).length === 0);
      const cause = { ...CAUSE, ...causeIn(event.metadata) };
      const sealed = seal(append.stream, emptyHead(append.stream), [{ id, event: theirs }], cause);
      if (isLeft(await world.store.append([sealed.append])())) throw new Error('it was there before');
    };
    await world.report(world.change('event.update', '2'));
    await world.clock.advance(30_000);
    const [, second] = await world.invocations();
    expect(second?.facts.scheduled).toEqual(theirs);
    expect(second?.situation).toBe('delivered');
    expect(second?.facts.attempts.map(({ ended }) => ended?.outcome)).toEqual(['failed', 'succeeded']);
    expect(world.sender.seen).toHaveLength(3);
    // Hashes too.
    await auditWorld(world);
  },
);

const causeIn = (metadata: string): Pick<typeof CAUSE, 'correlationId' | 'causationId' | 'actor'> => {
  const { $correlationId, $causationId, actor } = JSON.parse(metadata) as Record<string, string>;
  return { correlationId: $correlationId ?? '', causationId: $causationId ?? '', actor: actor ?? '' };
};
