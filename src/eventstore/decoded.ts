import type { Cause, DomainEvent } from '../domain/events.ts';
import type { Position } from './event-store.ts';

/** What stands beside every event; on disk the first two keys are `$correlationId` and `$causationId`. */
export interface Metadata extends Cause {
  /** ISO 8601 in UTC with milliseconds: the event's own `atMs`. */
  readonly time: string;
  readonly schemaVersion: number;
  /** SHA-256 over the hash of the event before it in the stream and this event's bytes, in hex. */
  readonly hash: string;
}

/** A stored event as the domain knows it. */
export interface Decoded<E extends DomainEvent = DomainEvent> {
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: Position;
  readonly event: E;
  readonly metadata: Metadata;
}

/** The end of a stream: what the next writer has to know. */
export interface Head {
  readonly revision: number;
  readonly hash: string;
}

/** Where the log does not hang together. */
export interface ChainBreak {
  /** Null when the place does not tell: an event missing at `position`. */
  readonly stream: string | null;
  readonly revision: number | null;
  readonly position: Position | null;
  readonly reason: string;
}
