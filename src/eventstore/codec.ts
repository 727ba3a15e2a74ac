import { type Either, left, right } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { PathReporter } from 'io-ts/lib/PathReporter.js';
import { absentKey, type CustomerKey } from '../domain/customer-key.ts';
import type { Cause, DomainEvent } from '../domain/events.ts';
import { isoTimes } from '../domain/iso-time.ts';
import { chainLink, closeMetadata } from './chain.ts';
import type { Decoded, Head, Metadata } from './decoded.ts';
import type { EventData, RecordedEvent, StreamAppend } from './event-store.ts';
import { type Format, FORMATS, type Formats, schemaVersionOf, writtenVersionOf } from './formats.ts';
import { boxed, CLOSED, placeOf, unboxed } from './personal.ts';

export { emptyHead, headOf } from './chain.ts';

/** A stored event that this version of Callboard cannot read: damaged, foreign, or written by a newer one. */
export interface DecodeFailure {
  readonly _tag: 'UndecodableEvent';
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  readonly reason: string;
}

/**
 * What is appended, with its decoded form beside it, so that reading one's own writes parses nothing. In a private
 * field, which no store writes and no clone takes along; a WeakMap of all of them costs the garbage collector dearly.
 */
class SealedEvent implements EventData {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
  readonly #decoded: Pick<Decoded, 'event' | 'metadata'>;

  constructor(
    id: string,
    data: string,
    metadata: string,
    decoded: { readonly event: DomainEvent; readonly metadata: Metadata },
  ) {
    this.id = id;
    this.type = decoded.event.type;
    this.data = data;
    this.metadata = metadata;
    this.#decoded = decoded;
  }

  static decodedOf(event: EventData): Pick<Decoded, 'event' | 'metadata'> | undefined {
    return #decoded in event ? event.#decoded : undefined;
  }
}

/**
 * A stored event of a customer, with what finds its key. Private for the same reason as above; opened only by whoever decodes it, as most
 * readers of the log look no further than its hash.
 */
class LockedEvent implements EventData {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
  readonly #keyOf: KeyOf;

  constructor({ id, type, data, metadata }: EventData, keyOf: KeyOf) {
    this.id = id;
    this.type = type;
    this.data = data;
    this.metadata = metadata;
    this.#keyOf = keyOf;
  }

  static keyOf(event: EventData): KeyOf | undefined {
    return #keyOf in event ? event.#keyOf : undefined;
  }
}

type KeyOf = (id: string) => CustomerKey;

/** The same event, which `decode` opens if its key is at hand. Whatever is of no customer, or was sealed here, stays as it is. */
export const lockedBy =
  (keyOf: KeyOf) =>
  (recorded: RecordedEvent): RecordedEvent =>
    SealedEvent.decodedOf(recorded.event) === undefined && recorded.event.data.includes(CUSTOMER_KEY)
      ? { ...recorded, event: new LockedEvent(recorded.event, keyOf) }
      : recorded;

/** As it stands in the text of an event of a customer; in other events at most inside of what was reported. */
const CUSTOMER_KEY = '"customer":"';

/** Sealed in this process: its data and metadata are as JSON.stringify writes objects, nobody has to look again. */
export const isSealed = (event: EventData): boolean => SealedEvent.decodedOf(event) !== undefined;

/** An event before it is encoded; its id may follow from the text of its data and metadata. */
export interface UnsealedEvent {
  readonly id: string | ((content: string) => string);
  readonly event: DomainEvent;
}

/**
 * Encodes events and chains them to the stream's head. Returns the append and the head after it. The events must not
 * be changed afterwards. Hot: every delivery passes here several times.
 */
export const seal = (
  stream: string,
  head: Head,
  events: ReadonlyArray<UnsealedEvent>,
  cause: Cause,
): { readonly append: StreamAppend; readonly head: Head } => {
  let previous = head.hash;
  const sealedEvents = events.map(({ id: given, event }, index): EventData => {
    const isOfCustomer = 'customer' in event && event.customer !== undefined;
    const written = isOfCustomer
      ? boxed({ ...event, customer: event.customer }, placeOf(stream, head.revision + 1 + index))
      : event;
    const data = encodeData(written);
    const time = isoTime(event.atMs);
    const schemaVersion = writtenVersionOf(FORMATS[event.type], isOfCustomer);
    const openMetadata = encodeMetadata(cause, time, schemaVersion);
    const id = typeof given === 'string' ? given : given(`${data}\n${openMetadata}`);
    const link = chainLink(previous, id, event.type, data, openMetadata);
    previous = link.hash;
    const { correlationId, causationId, actor, companyId } = cause;
    return new SealedEvent(id, link.data, closeMetadata(link.openMetadata, link.hash), {
      event,
      metadata: { correlationId, causationId, actor, companyId, time, schemaVersion, hash: link.hash },
    });
  });
  return {
    append: { stream, expectedRevision: head.revision, events: sealedEvents },
    head: { revision: head.revision + events.length, hash: previous },
  };
};

/** Events are made with their type first; cutting it off the text is cheaper than copying the object without it. */
const encodeData = (event: DomainEvent): string => {
  const text = JSON.stringify(event);
  const start = `{"type":"${event.type}",`;
  if (text.startsWith(start)) return `{${text.slice(start.length)}`;
  const { type: _type, ...data } = event;
  return JSON.stringify(data);
};

/** Without the closing brace: the hash comes last and is computed over what stands before it. */
const encodeMetadata = (cause: Cause, time: string, schemaVersion: number): string => {
  if (lastCause.cause !== cause) lastCause = { cause, ...encodeCause(cause) };
  return `${lastCause.before}${time}","schemaVersion":${schemaVersion}${lastCause.after}`;
};

const encodeCause = ({ correlationId, causationId, actor, companyId }: Cause) => ({
  before: `{"$correlationId":${quoted(correlationId)},"$causationId":${quoted(causationId)},"actor":${quoted(actor)},"time":"`,
  after: `,"companyId":${quoted(companyId)}`,
});

/** Most of it is GUIDs and needs no escaping; looking is cheaper than a general encoder. */
const PLAIN = /^[\w:.-]*$/;
const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

/** Whatever one change leads to has one and the same cause. */
const NO_CAUSE: Cause = { correlationId: '', causationId: '', actor: '', companyId: '' };
let lastCause = { cause: NO_CAUSE, ...encodeCause(NO_CAUSE) };

/** What is scheduled has the time of its change and what is started the present, in turns. */
const isoTime = isoTimes();

const storedMetadata = t.strict({
  $correlationId: t.string,
  $causationId: t.string,
  actor: t.string,
  time: t.string,
  schemaVersion: t.number,
  companyId: t.string,
  hash: t.string,
});

type AnyFormat = { readonly newest: t.Mixed; readonly older: Format<unknown>['older'] };
type Decode = (recorded: RecordedEvent) => Either<DecodeFailure, Decoded>;

/** Decodes by a table of formats. An event of an older version comes out as one of the newest. */
export const decoderOf = (formats: Formats): Decode => {
  const table = new Map<string, AnyFormat>(Object.entries(formats));
  return (recorded) => {
    const { stream, revision, position } = recorded;
    const { id, type, data, metadata } = recorded.event;
    const undecodable = (reason: string): Either<DecodeFailure, never> =>
      left({ _tag: 'UndecodableEvent', stream, revision, position, reason });

    const format = table.get(type);
    if (format === undefined) return undecodable(`unknown event type '${type}'`);
    const parsedMetadata = parse(metadata);
    if (!storedMetadata.is(parsedMetadata))
      return undecodable(`metadata: ${faults(storedMetadata, parsedMetadata)}`);
    const { schemaVersion } = parsedMetadata;
    const newest = schemaVersionOf(format);
    if (!Number.isInteger(schemaVersion) || schemaVersion < 1 || schemaVersion > newest) {
      return undecodable(`'${type}' of schema version ${schemaVersion}, known up to ${newest}`);
    }

    const stored = parse(data);
    const opened = unboxed(
      type,
      stored,
      placeOf(stream, revision),
      LockedEvent.keyOf(recorded.event) ?? absentKey,
    );
    if (opened === CLOSED) {
      return undecodable(
        'its personal data does not open: the key of the customer is missing, or another one',
      );
    }
    let fields: unknown = opened === undefined ? stored : opened.fields;
    const codec = format.older[schemaVersion - 1]?.codec ?? format.newest;
    // Of io-ts only the check: `decode` would copy every object, at more than twice the cost.
    if (!codec.is(fields)) return undecodable(`data: ${faults(codec, fields)}`);
    for (const older of format.older.slice(schemaVersion - 1)) fields = older.upcast(fields);
    return right({
      id,
      stream,
      revision,
      position,
      event: {
        ...(fields as object),
        ...(opened !== undefined && { customer: opened.customer }),
        type,
      } as DomainEvent,
      metadata: toMetadata(parsedMetadata),
    });
  };
};

const decodeStored = decoderOf(FORMATS);

/** What was sealed in this process is known as it is; all else is parsed and checked. */
export const decode: Decode = (recorded) => {
  const known = SealedEvent.decodedOf(recorded.event);
  if (known === undefined) return decodeStored(recorded);
  const { stream, revision, position } = recorded;
  return right({
    id: recorded.event.id,
    stream,
    revision,
    position,
    event: known.event,
    metadata: known.metadata,
  });
};

const toMetadata = (stored: t.TypeOf<typeof storedMetadata>): Metadata => ({
  correlationId: stored.$correlationId,
  causationId: stored.$causationId,
  actor: stored.actor,
  companyId: stored.companyId,
  time: stored.time,
  schemaVersion: stored.schemaVersion,
  hash: stored.hash,
});

/** Undefined when it is not JSON; no codec takes undefined. */
const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const FAULTS_SHOWN_MAX = 3;

const faults = (codec: t.Mixed, value: unknown): string =>
  value === undefined
    ? 'not JSON'
    : PathReporter.report(codec.decode(value)).slice(0, FAULTS_SHOWN_MAX).join('; ');
