import { isGuid } from '../domain/ids.ts';
import { NO_STREAM, type StreamAppend } from './event-store.ts';

/** What every store asks of its callers. Whoever breaks it has a defect: it throws. */
export const assertBatch = (batch: ReadonlyArray<StreamAppend>): void => {
  if (batch.length === 0) throw new Error('an append needs at least one stream');
  for (const { stream, expectedRevision, events } of batch) {
    // A store keeps UTF-8: two names with lone surrogates would become one.
    if (stream === '' || !stream.isWellFormed())
      throw new Error(`not a stream's name: ${JSON.stringify(stream)}`);
    if (!Number.isSafeInteger(expectedRevision) || expectedRevision < NO_STREAM) {
      throw new Error(`${stream}: expected revision ${expectedRevision} is none`);
    }
    if (events.length === 0) throw new Error(`${stream}: nothing to append`);
    for (const event of events) {
      if (!isGuid(event.id)) throw new Error(`${stream}: event id '${event.id}' is no UUID`);
    }
  }
  if (batch.length > 1) assertContinued(batch);
};

/** A stream that stands there again goes on where it ended. */
const assertContinued = (batch: ReadonlyArray<StreamAppend>): void => {
  const ends = new Map<string, number>();
  for (const { stream, expectedRevision, events } of batch) {
    const end = ends.get(stream);
    if (end !== undefined && end !== expectedRevision) {
      throw new Error(`${stream}: stands twice in one append, at ${end} and ${expectedRevision}`);
    }
    ends.set(stream, expectedRevision + events.length);
  }
};

/** UTF-8 bytes of data, metadata, ids and types; only exact when it could be more than `bytesMax`. */
export const bytesOf = (batch: ReadonlyArray<StreamAppend>, bytesMax: number): number => {
  let units = 0;
  for (const { events } of batch) for (const event of events) units += unitsOf(event);
  if (units * UTF8_BYTES_PER_UNIT_MAX <= bytesMax) return units;
  let bytes = 0;
  for (const { events } of batch) {
    for (const { id, type, data, metadata } of events) {
      bytes +=
        Buffer.byteLength(id) +
        Buffer.byteLength(type) +
        Buffer.byteLength(data) +
        Buffer.byteLength(metadata);
    }
  }
  return bytes;
};

const UTF8_BYTES_PER_UNIT_MAX = 3;

/** Code units of all its text: what counting bytes is too dear for. */
export const unitsOf = (event: StreamAppend['events'][number]): number =>
  event.id.length + event.type.length + event.data.length + event.metadata.length;

export const assertLimit = (limit: number): void => {
  if (!Number.isSafeInteger(limit) || limit < 1) throw new Error(`limit ${limit} is not at least 1`);
};

/** Whether a stream's name passes the filter. */
export const passes = (stream: string, prefixes: ReadonlyArray<string> | undefined): boolean =>
  prefixes === undefined || prefixes.some((prefix) => stream.startsWith(prefix));
