import { isLeft } from 'fp-ts/lib/Either.js';
import { chainHash, closeMetadata, headOf } from '../../src/eventstore/chain.ts';
import type { EventData, EventStore, RecordedEvent, StreamAppend } from '../../src/eventstore/event-store.ts';

/** Events that stand well in their stream's chain and yet cannot be read by this version. */
export const UNREADABLE = {
  'an unknown type': { type: 'OrderArchived', data: '{"atMs":1}', version: 1 },
  'a newer schema version': { type: 'ResourceChanged', data: '{"atMs":1}', version: 99 },
  'broken JSON': { type: 'ResourceChanged', data: '{"atMs":', version: 1 },
} as const;
export type Unreadable = keyof typeof UNREADABLE;

/** What the reason says of each. */
export const REASONS: Readonly<Record<Unreadable, string>> = {
  'an unknown type': "unknown event type 'OrderArchived'",
  'a newer schema version': "'ResourceChanged' of schema version 99, known up to 2",
  'broken JSON': 'data: not JSON',
};

/** The append that puts one behind all that the stream holds. */
export const unreadableAfter = async (
  store: Pick<EventStore, 'readStream'>,
  stream: string,
  kind: Unreadable,
  id: string,
): Promise<StreamAppend> => {
  const page = await store.readStream(stream, { direction: 'backwards', limit: 1 })();
  if (isLeft(page)) throw new Error(page.left.message);
  const head = headOf(page.right, stream);
  const { type, data, version } = UNREADABLE[kind];
  const open = `{"$correlationId":"c","$causationId":"c","actor":"a newer version","time":"2026-01-02T03:04:05.678Z","schemaVersion":${version},"companyId":""`;
  const metadata = closeMetadata(open, chainHash(head.hash, id, type, data, open));
  return { stream, expectedRevision: head.revision, events: [{ id, type, data, metadata }] };
};

export interface NewerReader extends EventStore {
  /** What a version reads that knows the event: another event, or undefined for nothing that concerns it. */
  reads: (event: EventData) => EventData | undefined;
}

/** A store whose events are read as a newer version would, as soon as `reads` says how. */
export const newerReader = (store: EventStore): NewerReader => {
  const all = (events: ReadonlyArray<RecordedEvent>): ReadonlyArray<RecordedEvent> =>
    events.flatMap((recorded) => {
      const event = self.reads(recorded.event);
      return event === undefined ? [] : [event === recorded.event ? recorded : { ...recorded, event }];
    });
  const self: NewerReader = {
    ...store,
    reads: (event) => event,
    readStream: (stream, options) => async () => {
      const page = await store.readStream(stream, options)();
      return isLeft(page) ? page : { ...page, right: all(page.right) };
    },
    readAll: (options) => async () => {
      const page = await store.readAll(options)();
      return isLeft(page) ? page : { ...page, right: { ...page.right, events: all(page.right.events) } };
    },
    subscribe: (options) =>
      store.subscribe({ ...options, onEvents: (events, upTo) => options.onEvents(all(events), upTo) }),
  };
  return self;
};
