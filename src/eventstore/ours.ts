import { isCommonName, isOurStream } from '../domain/own-streams.ts';
import { hashIn } from './chain.ts';
import type { EventData, RecordedEvent } from './event-store.ts';

/** What tells whose an event is. */
type Stored = Pick<RecordedEvent, 'stream'> & { readonly event: Pick<EventData, 'type' | 'metadata'> };

/** Whether Callboard wrote it, as far as a reader of the whole log asks: what others keep in the same store is passed over. */
export const isOurs = (recorded: Stored): boolean =>
  isOurStream(recorded.stream) && (!isCommonName(recorded.stream) || hasOurMark(recorded));

/** What the name of a stream alone tells of its events: whether they are Callboard's, or that each has to tell itself. */
export type Whose = 'ours' | 'others' | 'either';

export const whoseStream = (stream: string): Whose => {
  if (!isOurStream(stream)) return 'others';
  return isCommonName(stream) ? 'either' : 'ours';
};

/** A newer version may know more types, but each of its events carries a hash. */
const hasOurMark = ({ event }: Stored): boolean =>
  event.type === 'ClientClaimed' || hashIn(event.metadata) !== undefined;

/** Those of ours; the list itself where all are, which is nearly always. */
export const oursOf = (events: ReadonlyArray<RecordedEvent>): ReadonlyArray<RecordedEvent> =>
  events.every(isOurs) ? events : events.filter(isOurs);
