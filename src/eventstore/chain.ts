import { hash } from 'node:crypto';
import type { ChainBreak, Head } from './decoded.ts';
import { type EventData, NO_STREAM, type RecordedEvent } from './event-store.ts';

/**
 * The hash chain of a stream: every event's metadata ends with SHA-256 over the hash before it and the event's own
 * text. Whoever writes knows the predecessor (appends carry an exact revision), so the chain holds on every store.
 * A storage format: never changed.
 */

/** What the metadata ends with, around 64 hex digits. */
const HASH_KEY = ',"hash":"';
const HASH_END = '"}';
const HASH_DIGITS = 64;
const HASH_TAIL_LENGTH = HASH_KEY.length + HASH_DIGITS + HASH_END.length;
const HASH_TAIL = /^,"hash":"[0-9a-f]{64}"\}$/;

/** The head of a stream without events. Its hash depends on the stream's name: no event fits two streams. */
export const emptyHead = (stream: string): Head => ({
  revision: NO_STREAM,
  hash: hash('sha256', `callboard stream\n${stream}`),
});

/**
 * `openMetadata` is the metadata's text up to the hash. JSON text holds no raw line feed, nor do ids and types: there
 * are exactly four, so no byte can move from one field to the next unnoticed.
 */
export const chainHash = (
  previous: string,
  id: string,
  type: string,
  data: string,
  openMetadata: string,
): string => hash('sha256', `${previous}\n${id}\n${type}\n${data}\n${openMetadata}`);

/**
 * The hash of a new event, with its texts as pieces of the one that was hashed. They were put together from parts, and whoever
 * needs one in one piece, as every message to another thread does, would copy it once more.
 */
export const chainLink = (
  previous: string,
  id: string,
  type: string,
  data: string,
  openMetadata: string,
): { readonly hash: string; readonly data: string; readonly openMetadata: string } => {
  const before = `${previous}\n${id}\n${type}\n`;
  const text = `${before}${data}\n${openMetadata}`;
  const metadataAt = before.length + data.length + 1;
  return {
    hash: hash('sha256', text),
    data: text.slice(before.length, metadataAt - 1),
    openMetadata: text.slice(metadataAt),
  };
};

export const closeMetadata = (openMetadata: string, hashHex: string): string =>
  openMetadata + HASH_KEY + hashHex + HASH_END;

/** The hash that an event's metadata ends with, or undefined when it ends otherwise. */
export const hashIn = (metadata: string): string | undefined => {
  const tail = metadata.slice(-HASH_TAIL_LENGTH);
  return HASH_TAIL.test(tail) ? tail.slice(HASH_KEY.length, HASH_KEY.length + HASH_DIGITS) : undefined;
};

/**
 * The hash of the event, if it follows the one with hash `previous`; else undefined. The fastest way to look at many: the text
 * is compared where it stands, and no other is made of it.
 */
export const linkedHash = (
  previous: string,
  id: string,
  type: string,
  data: string,
  metadata: string,
): string | undefined => {
  const openLength = metadata.length - HASH_TAIL_LENGTH;
  if (openLength < 0) return undefined;
  const computed = chainHash(previous, id, type, data, metadata.slice(0, openLength));
  return metadata.startsWith(computed, openLength + HASH_KEY.length) &&
    metadata.startsWith(HASH_KEY, openLength) &&
    metadata.endsWith(HASH_END)
    ? computed
    : undefined;
};

/** Whether the event follows the one with hash `previous`: undefined, or what is wrong with it. */
export const linkFault = (previous: string, event: EventData): string | undefined => {
  const stored = hashIn(event.metadata);
  if (stored === undefined) return 'its metadata holds no hash';
  const openMetadata = event.metadata.slice(0, -HASH_TAIL_LENGTH);
  return stored === chainHash(previous, event.id, event.type, event.data, openMetadata)
    ? undefined
    : 'its hash fits neither its content nor its predecessor';
};

/** Where the next writer goes on, given events of the stream that reach its end. */
export const headOf = (events: ReadonlyArray<RecordedEvent>, stream: string): Head => {
  const last = events.at(-1);
  if (last === undefined) return emptyHead(stream);
  const stored = hashIn(last.event.metadata);
  if (stored === undefined) throw new Error(`${stream}@${last.revision}: the metadata holds no hash`);
  return { revision: last.revision, hash: stored };
};

/**
 * The first break in consecutive events of one stream, or undefined. `from` is the head before the first of them,
 * by default that of an empty stream.
 */
export const verifyChain = (
  stream: string,
  events: Iterable<RecordedEvent>,
  from: Head = emptyHead(stream),
): ChainBreak | undefined => {
  let { revision, hash: previous } = from;
  for (const recorded of events) {
    revision += 1;
    const { position } = recorded;
    if (recorded.revision !== revision) {
      return { stream, revision, position, reason: `followed by revision ${recorded.revision}` };
    }
    const reason = linkFault(previous, recorded.event);
    if (reason !== undefined) return { stream, revision, position, reason };
    previous = hashIn(recorded.event.metadata) ?? previous;
  }
  return undefined;
};
