import type { BinaryEventData, JSONEventData, ResolvedEvent } from '@eventstore/db-client';
import { isSealed } from './codec.ts';
import type { EventData, Position, RecordedEvent } from './event-store.ts';

/** What the client is handed for one event. */
export type ClientEvent = JSONEventData | BinaryEventData;

/**
 * Everything that could throw while the client serialises (it would leave a promise that never settles) happens here,
 * before the call. Data whose text JSON itself would write is sent as JSON, which the database's own tools can show; all other
 * text as bytes, so that every character comes back. Metadata always comes back parsed: other text is a defect.
 */
export const toClientEvent = (event: EventData): ClientEvent => {
  const { id, type, data, metadata } = event;
  const sealed = isSealed(event);
  if (!sealed && canonical(metadata) === undefined) {
    throw new Error(`event ${id}: its metadata is not as JSON.stringify writes an object`);
  }
  const common = { id, type, metadata: Buffer.from(metadata) };
  // The client compares constructors: a Buffer would be taken for an object.
  const bytes = new Uint8Array(
    common.metadata.buffer,
    common.metadata.byteOffset,
    common.metadata.byteLength,
  );
  const json = sealed ? (JSON.parse(data) as Record<string, unknown>) : canonical(data);
  return json === undefined
    ? {
        id,
        type,
        contentType: 'application/octet-stream',
        data: Uint8Array.from(Buffer.from(data)),
        metadata: bytes,
      }
    : { id, type, contentType: 'application/json', data: json, metadata: bytes };
};

/** The object that the text stands for, if writing it again gives the same text. */
const canonical = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && JSON.stringify(value) === text
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
};

/** A stored event as the client reads it. */
export type ClientRecord = NonNullable<ResolvedEvent['event']>;

/** `position` 0: not told, as when one stream is read. */
export const toRecorded = (record: ClientRecord, position: Position): RecordedEvent => ({
  stream: record.streamId,
  revision: Number(record.revision),
  position,
  event: {
    id: record.id,
    type: record.type,
    data: record.isJson ? textOf(record.data) : Buffer.from(record.data).toString('utf8'),
    metadata: textOf(record.metadata),
  },
});

const textOf = (value: unknown): string => {
  if (value === undefined) return '';
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  return typeof value === 'string' ? value : JSON.stringify(value);
};

/** Of these writes commit and prepare position are one; beyond 2^53 a log cannot grow before its disk is 8 PiB. */
export const positionOf = (position: { readonly commit: bigint } | undefined): Position => {
  const commit = Number(position?.commit ?? 0n);
  // The server says "none" with the greatest number there is.
  return Number.isSafeInteger(commit) ? commit : 0;
};

/** 0 is the start; any other one must have come from the server. */
export const fromPosition = (position: Position): 'start' | { commit: bigint; prepare: bigint } =>
  position === 0 ? 'start' : { commit: BigInt(position), prepare: BigInt(position) };

/** The server's own streams: statistics, metadata, links. */
export const isSystem = (stream: string): boolean => stream.startsWith('$');
