import type { EventData, Position, StreamAppend } from './event-store.ts';
import type { Answer, RemoveRequest } from './sqlite-commit.ts';
import type { OpenFailure } from './sqlite-schema.ts';

/** What the store and its writer thread tell each other. */

export interface WriterOptions {
  readonly path: string;
  /** The last holder crashed: the whole file is checked before anything is written. */
  readonly afterCrash: boolean;
}

export type ToWriter =
  | { readonly kind: 'append'; readonly requests: PackedRequests }
  /** Answered in its turn, as one append. */
  | { readonly kind: 'remove'; readonly request: RemoveRequest }
  /** What was sent before is still answered. */
  | { readonly kind: 'close' };

export type FromWriter =
  | { readonly kind: 'ready'; readonly head: Position; readonly storeId: string }
  | { readonly kind: 'refused'; readonly failure: OpenFailure }
  /** In the order of the requests, over all messages. */
  | { readonly kind: 'answers'; readonly answers: ReadonlyArray<Answer> }
  /** The storage cannot be trusted any more: what comes now is answered, but not tried. */
  | { readonly kind: 'fatal'; readonly message: string }
  | { readonly kind: 'closed' };

/** Requests as one flat list: cloning it between threads costs half of cloning the objects. */
export type PackedRequests = ReadonlyArray<string | number>;

export const packRequests = (requests: ReadonlyArray<ReadonlyArray<StreamAppend>>): PackedRequests => {
  const packed: (string | number)[] = [];
  for (const batch of requests) {
    packed.push(batch.length);
    for (const { stream, expectedRevision, events } of batch) {
      packed.push(stream, expectedRevision, events.length);
      for (const { id, type, data, metadata } of events) packed.push(id, type, data, metadata);
    }
  }
  return packed;
};

export const unpackRequests = (packed: PackedRequests): ReadonlyArray<ReadonlyArray<StreamAppend>> => {
  let at = 0;
  const number = (): number => packed[at++] as number;
  const text = (): string => packed[at++] as string;
  const times = <A>(count: number, one: () => A): ReadonlyArray<A> => {
    const made: A[] = [];
    for (let left = count; left > 0; left -= 1) made.push(one());
    return made;
  };
  const event = (): EventData => ({ id: text(), type: text(), data: text(), metadata: text() });
  const append = (): StreamAppend => ({
    stream: text(),
    expectedRevision: number(),
    events: times(number(), event),
  });
  const requests: ReadonlyArray<StreamAppend>[] = [];
  while (at < packed.length) requests.push(times(number(), append));
  return requests;
};
