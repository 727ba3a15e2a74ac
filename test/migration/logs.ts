import fc from 'fast-check';
import { isLeft } from 'fp-ts/lib/Either.js';
import { streamOf, uuidV5 } from '../../src/domain/ids.ts';
import type { Json } from '../../src/domain/json.ts';
import type { EventStore, RecordedEvent } from '../../src/eventstore/event-store.ts';
import type { LogSource } from '../../src/migration/log-cursor.ts';
import { LogCursor } from '../../src/migration/log-cursor.ts';
import { CAUSE, change, resourceStream, Writer } from '../eventstore/events.ts';

/** Histories for tests of moves. */

/** Which stream comes next, with how many events. */
export type Turns = ReadonlyArray<{ readonly stream: number; readonly datas: ReadonlyArray<Json> }>;

export const turns: fc.Arbitrary<Turns> = fc.array(
  fc.record({
    stream: fc.nat({ max: 4 }),
    datas: fc.array(
      fc.jsonValue().map((value) => value as Json),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Writes the history, a stream's turn after the other's. `series` keeps streams and ids of several calls apart. */
export const write = async (store: EventStore, history: Turns, series = ''): Promise<void> => {
  const writers = new Map<number, Writer>();
  let id = 0;
  for (const { stream, datas } of history) {
    const writer = writers.get(stream) ?? new Writer(nameOf(stream, series));
    writers.set(stream, writer);
    const ids = datas.map(() => (id += 1));
    const first = id - datas.length + 1;
    const appended = await store.append([writer.next(ids, (n) => change(n, datas[n - first] ?? null))])();
    if (isLeft(appended)) throw new Error(JSON.stringify(appended.left));
  }
};

/** The name that `write` gives a stream. */
export const nameOf = (stream: number, series = ''): string => {
  const identifier = `${series}${stream}`;
  const guid = uuidV5(CAUSE.companyId, identifier);
  const names = [streamOf.webhook(guid), resourceStream('event', identifier), streamOf.invocation(guid)];
  return names[stream % names.length] ?? '';
};

/** A stream's turns with one small event each: `count` events over `streams` streams. */
export const plain = (count: number, streams = 7): Turns =>
  Array.from({ length: count }, (_, n) => ({ stream: (n * n) % streams, datas: [{ n }] }));

/** All events of ours, without their positions: those are a store's own. */
export const contents = async (
  store: Pick<LogSource, 'readAll'>,
): Promise<ReadonlyArray<Omit<RecordedEvent, 'position'>>> => {
  const cursor = new LogCursor(store);
  const events: Omit<RecordedEvent, 'position'>[] = [];
  for (;;) {
    const next = await cursor.next();
    if (isLeft(next)) throw new Error(next.left.message);
    if (next.right === undefined) return events;
    const { stream, revision, event } = next.right;
    const { id, type, data, metadata } = event;
    events.push({ stream, revision, event: { id, type, data, metadata } });
  }
};
