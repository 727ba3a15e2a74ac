import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { Lru } from '../domain/lru.ts';
import { bytesOf } from '../eventstore/batch.ts';
import { emptyHead, hashIn, linkFault } from '../eventstore/chain.ts';
import type { ChainBreak, Head } from '../eventstore/decoded.ts';
import { NO_STREAM, type ReadFailure, type RecordedEvent } from '../eventstore/event-store.ts';
import type { Removal } from '../eventstore/removals.ts';
import { LogCursor, type LogSource } from './log-cursor.ts';

export interface CheckedLog {
  readonly events: number;
  readonly streams: number;
  /** In the order found; at most as many as asked for, then the search ends. */
  readonly breaks: ReadonlyArray<ChainBreak>;
}

export interface CheckOptions {
  readonly breaksMax: number;
  /** An event with more bytes than that is a break, too: the store it shall go to does not take it. */
  readonly eventBytesMax?: number;
  /** What was removed by policy: such a stream may begin with what hangs on the hash recorded then. */
  readonly removals?: KnownRemovals;
  /** Looks at the same events for something else. */
  readonly watch?: LogWatch;
  readonly onProgress?: (done: number) => void;
}

export interface LogWatch {
  at(recorded: RecordedEvent): ReadonlyArray<ChainBreak>;
  end(): ReadonlyArray<ChainBreak>;
}

export interface KnownRemovals {
  of(stream: string): Removal | undefined;
  /** The first event of the stream is in the log. */
  begins(stream: string): void;
  /** Its first event is not; true when it is said for the first time. */
  beginsLater(stream: string): boolean;
  /** Recorded, and nothing of the stream is in the log: at most so many. */
  unmet(limit: number): ReadonlyArray<Removal>;
}

const NO_REMOVALS: KnownRemovals = {
  of: () => undefined,
  begins: () => undefined,
  beginsLater: () => false,
  unmet: () => [],
};

/** Every stream's chain in the order of the log, on any store. Memory does not grow with the log. */
export const checkLog = async (
  log: LogSource,
  { breaksMax, eventBytesMax = Infinity, removals = NO_REMOVALS, watch, onProgress }: CheckOptions,
): Promise<Either<ReadFailure, CheckedLog>> => {
  const cursor = new LogCursor(log);
  const chains = new ChainCheck(log, removals);
  const breaks: ChainBreak[] = [];
  let events = 0;
  let streams = 0;
  while (breaks.length < breaksMax) {
    const next = await cursor.next();
    if (isLeft(next)) return next;
    const recorded = next.right;
    if (recorded === undefined) {
      for (const { stream, revision } of removals.unmet(breaksMax - breaks.length))
        breaks.push({ stream, revision: revision + 1, position: null, reason: NOTHING_LEFT });
      breaks.push(...(watch?.end() ?? []));
      break;
    }
    events += 1;
    if (recorded.revision === 0) {
      streams += 1;
      removals.begins(recorded.stream);
    }
    const fault = await chains.fault(recorded);
    if (chains.lastHadNoneBefore && removals.beginsLater(recorded.stream)) streams += 1;
    if (isLeft(fault)) return fault;
    const reason = fault.right ?? sizeFault(recorded, eventBytesMax);
    const { stream, revision, position } = recorded;
    if (reason !== undefined) breaks.push({ stream, revision, position, reason });
    breaks.push(...(watch?.at(recorded) ?? []));
    onProgress?.(events);
  }
  return right({ events, streams, breaks });
};

const sizeFault = ({ stream, event }: RecordedEvent, bytesMax: number): string | undefined => {
  const bytes = bytesOf([{ stream, expectedRevision: NO_STREAM, events: [event] }], bytesMax);
  return bytes > bytesMax ? `${bytes} bytes, the target takes ${bytesMax} in one append` : undefined;
};

const HEADS_MAX = 50_000;

/** Follows the chains of all streams; the head of a stream that it has forgotten is read again. */
export class ChainCheck {
  readonly #log: Pick<LogSource, 'readStream'>;
  readonly #removals: Pick<KnownRemovals, 'of'>;
  readonly #heads = new Lru<string, Head>(HEADS_MAX);
  /** Of the last event asked about: readers of its stream do not see what came before it. */
  lastHadNoneBefore = false;

  constructor(log: Pick<LogSource, 'readStream'>, removals: Pick<KnownRemovals, 'of'> = NO_REMOVALS) {
    this.#log = log;
    this.#removals = removals;
  }

  /** What is wrong with the event that comes next in the log, or undefined. */
  async fault({ stream, revision, event }: RecordedEvent): Promise<Either<ReadFailure, string | undefined>> {
    const before = await this.#headBefore(stream, revision);
    const hash = hashIn(event.metadata);
    if (hash !== undefined) this.#heads.set(stream, { revision, hash });
    this.lastHadNoneBefore = false;
    if (isLeft(before)) {
      if (before.left !== undefined) return left(before.left);
      this.lastHadNoneBefore = true;
      const removal = this.#removals.of(stream);
      if (removal === undefined || revision > removal.revision + 1) return right(GONE);
      if (revision === removal.revision + 1) return right(linkFault(removal.hash, event) && OTHER_HASH);
      // One of those that shall go and has not been freed yet: what came before it is hidden from us, or gone already.
      return right(revision === removal.revision && hash !== removal.hash ? OTHER_HASH : undefined);
    }
    if (before.right.revision !== revision - 1)
      return right(`stored after revision ${before.right.revision}`);
    return right(linkFault(before.right.hash, event));
  }

  /** Left undefined: there is nothing before it any more. */
  async #headBefore(stream: string, revision: number): Promise<Either<ReadFailure | undefined, Head>> {
    const known = this.#heads.get(stream);
    if (known !== undefined) return right(known);
    if (revision === 0) return right(emptyHead(stream));
    // What was recorded need not be asked for, and most probably is not there.
    if (this.#removals.of(stream)?.revision === revision - 1) return left(undefined);
    const page = await this.#log.readStream(stream, { fromRevision: revision - 1, limit: 1 })();
    if (isLeft(page)) return page;
    const [before] = page.right;
    const hash = before?.revision === revision - 1 ? hashIn(before.event.metadata) : undefined;
    return hash === undefined ? left(undefined) : right({ revision: revision - 1, hash });
  }
}

const GONE =
  'the stream begins here: what came before it is gone, so nothing says that this event belongs here';

const OTHER_HASH = 'what came before it was removed by policy, and it does not fit the hash recorded then';
const NOTHING_LEFT = 'its beginning was removed by policy, and the rest, which stays for ever, is gone, too';
