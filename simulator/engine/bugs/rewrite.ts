import type { DomainEvent } from '../../../src/domain/events.ts';
import { decode, emptyHead, seal } from '../../../src/eventstore/codec.ts';
import type { RecordedEvent, StreamAppend } from '../../../src/eventstore/event-store.ts';
import type { Disk } from '../store/disk.ts';

/** The events of an append as the domain knows them. */
export const eventsIn = ({ stream, expectedRevision, events }: StreamAppend): ReadonlyArray<DomainEvent> =>
  events.map(
    (event, index) => decoded({ stream, revision: expectedRevision + 1 + index, position: 0, event }).event,
  );

/**
 * The same append with other events, chained to what is on disk: a writer that is wrong, not a broken log. Undefined
 * events stay as they are.
 */
export const rewritten = (
  disk: Disk,
  append: StreamAppend,
  change: (events: ReadonlyArray<DomainEvent>) => ReadonlyArray<DomainEvent> | undefined,
): StreamAppend => {
  const changed = change(eventsIn(append));
  const [first] = append.events;
  if (changed === undefined || first === undefined) return append;
  const { stream, expectedRevision } = append;
  const before = disk.readStream(stream, { fromRevision: expectedRevision, limit: 1 })[0];
  const head =
    before === undefined || expectedRevision < 0
      ? emptyHead(stream)
      : { revision: before.revision, hash: decoded(before).metadata.hash };
  const { metadata } = decoded({ stream, revision: expectedRevision + 1, position: 0, event: first });
  const { correlationId, causationId, actor, companyId } = metadata;
  const sealed = changed.map((event, index) => ({
    id: append.events[index]?.id ?? derived(first.id, index),
    event,
  }));
  return seal(stream, head, sealed, { correlationId, causationId, actor, companyId }).append;
};

const decoded = (recorded: RecordedEvent) => {
  const result = decode(recorded);
  if (result._tag === 'Left') throw new Error(result.left.reason);
  return result.right;
};

/** Another id for an event that was added. */
const derived = (id: string, index: number): string => `${id.slice(0, -2)}${(0xa0 + index).toString(16)}`;
