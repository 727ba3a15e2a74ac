import { left } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { streamOf } from '../../src/domain/ids.ts';
import type { EventStore, StreamAppend } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { COMPANY, World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';
import { unreadableAfter } from '../support/unreadable.ts';

const HOUR_MS = 60 * 60 * 1000;

/** A store whose subscriptions can fall silent. */
const silenceable = (): { readonly store: EventStore; silence(): () => void } => {
  const inner = openMemoryStore();
  let silent: Promise<void> | undefined;
  const subscribe: EventStore['subscribe'] = (options) => {
    const subscription = inner.subscribe({
      ...options,
      onEvents: async (events, upTo) => {
        if (silent !== undefined) await silent;
        return options.onEvents(events, upTo);
      },
    });
    return { stop: () => (silent === undefined ? subscription.stop() : Promise.resolve()) };
  };
  return {
    store: { ...inner, subscribe },
    silence: () => {
      let end: () => void = () => undefined;
      silent = new Promise((resolve) => (end = resolve));
      return end;
    },
  };
};

/** A retry is about to be started, which somebody else has started before; then the process is asked to drain. */
const draining = async (store: EventStore) => {
  const world = await World.started({ store });
  world.sender.at('https://receiver.example/hook', answers(500));
  await world.webhook();
  await world.report(world.change());
  await world.clock.advance(500);
  expect(await world.situations()).toEqual(['waiting']);
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const asked: StreamAppend[] = [];
  const { append } = world.store;
  world.store.append = (batch) => {
    const [one] = batch;
    if (one?.events[0]?.type !== 'AttemptStarted') return append(batch);
    asked.push(one);
    const { stream, expectedRevision: expected } = one;
    return () =>
      answered.then(() => left({ _tag: 'WrongExpectedRevision', stream, expected, actual: expected + 1 }));
  };
  await world.clock.advance(60_000);
  expect(asked).toHaveLength(1);
  const state = { done: false };
  void world.process.engine.drain(2_000).then(() => (state.done = true));
  await world.clock.advance(0);
  expect(state.done).toBe(false);
  return { world, state, answer };
};

/** What cannot be read is stored before the answer comes. */
const endsThough = async (
  store: EventStore,
  { world, state, answer }: Awaited<ReturnType<typeof draining>>,
): Promise<void> => {
  const stream = streamOf.resource(COMPANY, 'order', '5');
  await store.append([await unreadableAfter(store, stream, 'an unknown type', world.random.uuid())])();
  await world.clock.advance(100);
  answer();
  await world.clock.advance(HOUR_MS);
  expect(state.done).toBe(true);
};

describe('an attempt that somebody else was faster with does not hold up the end of the process', () => {
  it('when all is well', async () => {
    const { world, state, answer } = await draining(openMemoryStore());
    answer();
    await world.clock.advance(100);
    expect(state.done).toBe(true);
  });

  it('when the log holds what cannot be read', async () => {
    const store = openMemoryStore();
    const begun = await draining(store);
    await endsThough(store, begun);
  });

  it('when the store has gone silent', async () => {
    const { store, silence } = silenceable();
    const begun = await draining(store);
    const end = silence();
    await endsThough(store, begun);
    end();
  });
});
