import { isLeft } from 'fp-ts/lib/Either.js';
import type { AttemptStarted, InvocationScheduled } from '../../domain/invocation.ts';
import { Lru } from '../../domain/lru.ts';
import { decode } from '../../eventstore/codec.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import type { EventStore, RecordedEvent } from '../../eventstore/event-store.ts';

/** What the events of an invocation do not say of themselves, and its scheduling does. */
export type InvocationFacts = Omit<InvocationScheduled, 'type' | 'body' | 'matched'>;

/** The log cannot be read: the export stops, and is resumed later. */
export class NotRead extends Error {}

const KNOWN_MAX = 8_000;
/** Between the start of an attempt and its end there is hardly ever anything in the stream. */
const LOOKED_BACK = 20;

/**
 * The scheduling of an invocation and the start of an attempt, from what was just read or from the invocation's stream: the same
 * either way, so that an export that was resumed tells the same.
 */
export class FactsOfInvocations {
  readonly #log: Pick<EventStore, 'readStream'>;
  readonly #scheduled = new Lru<string, InvocationFacts>(KNOWN_MAX);
  readonly #started = new Lru<string, AttemptStarted>(KNOWN_MAX);

  constructor(log: Pick<EventStore, 'readStream'>) {
    this.#log = log;
  }

  observe({ stream, event }: Decoded): void {
    if (event.type === 'InvocationScheduled') {
      const { type: _type, body: _body, matched: _matched, ...facts } = event;
      this.#scheduled.set(stream, facts);
    } else if (event.type === 'AttemptStarted') this.#started.set(stream, event);
  }

  /** Undefined: the beginning of the stream was removed by policy. */
  async of(stream: string): Promise<InvocationFacts | undefined> {
    const known = this.#scheduled.get(stream);
    if (known !== undefined) return known;
    for (const decoded of await this.#read(stream, { limit: 1 })) {
      if (decoded.event.type === 'InvocationScheduled') this.observe(decoded);
    }
    return this.#scheduled.get(stream);
  }

  /** The start of the attempt that the event at this revision ended. */
  async startOf(stream: string, number: number, revision: number): Promise<AttemptStarted | undefined> {
    const known = this.#started.get(stream);
    if (known?.number === number) return known;
    const options = { fromRevision: revision - 1, direction: 'backwards', limit: LOOKED_BACK } as const;
    const events = await this.#read(stream, options);
    for (const { event } of events) {
      if (event.type === 'AttemptStarted' && event.number === number) return event;
    }
    return undefined;
  }

  async #read(
    stream: string,
    options: Parameters<EventStore['readStream']>[1],
  ): Promise<ReadonlyArray<Decoded>> {
    const page = await this.#log.readStream(stream, options)();
    if (isLeft(page)) throw new NotRead(page.left.message);
    return page.right.flatMap((recorded: RecordedEvent) => {
      const decoded = decode(recorded);
      return isLeft(decoded) ? [] : [decoded.right];
    });
  }
}
