import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { OpenAccountState, RetentionApplied } from '../domain/account.ts';
import type { Cause } from '../domain/events.ts';
import { settledBefore } from '../domain/retention.ts';
import { decode } from '../eventstore/codec.ts';
import type { Head } from '../eventstore/decoded.ts';
import type { EventStore, Position, RecordedEvent } from '../eventstore/event-store.ts';
import {
  asSteps,
  lastRemovals,
  noteIn,
  type Removal,
  REMOVALS_STREAM,
  sealRemovals,
} from '../eventstore/removals.ts';
import type { RemovingStore } from '../eventstore/removing.ts';
import { readSealBounds, type SealBounds } from './seal-bounds.ts';
import { INVOCATION_PREFIX, settledAtMs, SETTLING, weigh } from './weigh.ts';

/** What retention asks of accounts. */
export interface RetentionAccounts {
  get(companyId: string): Promise<Either<{ readonly _tag: string }, OpenAccountState | undefined>>;
  noteRetention(
    companyId: string,
    applied: Omit<RetentionApplied, 'type' | 'atMs'>,
    cause: Cause,
  ): Promise<Either<{ readonly _tag: string }, void>>;
}

export interface RetentionDeps {
  readonly store: Pick<EventStore, 'id' | 'readStream'> & RemovingStore;
  readonly accounts: RetentionAccounts;
  readonly companies: ReadonlyArray<string>;
  readonly nowMs: number;
  readonly newId: () => string;
  /** Somebody seals the log at the same time: then only what a seal covers goes. Else also where nothing was ever sealed. */
  readonly isSealing: boolean;
  /** False: says what would go, and writes nothing. */
  readonly apply: boolean;
  /** Waited for after every few milliseconds of work. False: no more of it. */
  readonly breathe: () => Promise<boolean>;
  readonly onProgress?: (position: Position) => void;
}

export interface CompanyRetained {
  readonly company: string;
  readonly settledBeforeMs: number;
  readonly streams: number;
  readonly events: number;
  readonly bytes: number;
}

export interface Retained {
  readonly companies: ReadonlyArray<CompanyRetained>;
  /** Streams that do not hang together: they were left as they are. */
  readonly broken: ReadonlyArray<string>;
  /** Settled long enough, and no seal covers them yet: they go later. */
  readonly unsealed: number;
  /** Nothing before this place is to be looked at again while the policies are the same. */
  readonly next: Position;
  /** It was told to stop before it had seen all. */
  readonly isStopped: boolean;
}

/** Streams in one record and one transaction: some ten milliseconds in which appends wait. */
const AT_ONCE = 100;
const BYTES_AT_ONCE = 4 * 1024 * 1024;
const WEIGHED_TOGETHER = 20;
const BROKEN_MAX = 10;

/**
 * Removes what companies' policies let go of, stream by stream, but for the last event of each. The record and what it says go
 * together, so a kill leaves nothing half done; accounts are told of what was removed at the end, and at the beginning of the
 * run after a kill.
 */
export const applyRetention = async (
  deps: RetentionDeps,
  from: Position,
): Promise<Either<string, Retained>> => {
  const run = new Run(deps);
  const begun = await run.begin();
  if (isLeft(begun)) return begun;
  return begun.right.size === 0
    ? right({ companies: [], broken: [], unsealed: 0, next: from, isStopped: false })
    : run.walk(from);
};

interface Sums {
  readonly streams: number;
  readonly events: number;
  readonly bytes: number;
}

interface Going extends Omit<Sums, 'streams'> {
  readonly removal: Removal;
}

class Run {
  readonly #deps: RetentionDeps;
  readonly #settledBefore = new Map<string, number>();
  readonly #pending = new Map<string, Going[]>();
  readonly #done = new Map<string, Sums>();
  readonly #broken: string[] = [];
  #unsealed = 0;
  #head: Head = { revision: -1, hash: '' };
  /** Whose the newest record is. */
  #newestOf = '';

  constructor(deps: RetentionDeps) {
    this.#deps = deps;
  }

  /** Which companies let something go; and what a run that was killed has not told the accounts. */
  async begin(): Promise<Either<string, ReadonlyMap<string, number>>> {
    const { store, accounts, companies, nowMs, apply, breathe } = this.#deps;
    const last = await lastRemovals(store);
    if (isLeft(last)) return left(last.left.message);
    this.#head = last.right.head;
    const noted = new Map<string, number>();
    for (const [at, company] of companies.entries()) {
      if (at % AT_ONCE === AT_ONCE - 1 && !(await breathe())) return right(new Map());
      const account = await accounts.get(company);
      if (isLeft(account)) return left(`the account of ${company} cannot be read (${account.left._tag})`);
      noted.set(company, account.right?.removed?.record ?? -1);
      const before = settledBefore(account.right?.retention ?? null, nowMs);
      if (before !== undefined) this.#settledBefore.set(company, before);
    }
    const completed = apply ? await this.#complete(noted) : right(undefined);
    return isLeft(completed) ? completed : right(this.#settledBefore);
  }

  async walk(from: Position): Promise<Either<string, Retained>> {
    const { store, breathe, isSealing, onProgress } = this.#deps;
    const bounds = await readSealBounds(store);
    if (isLeft(bounds)) return bounds;
    const mayGoUpTo = bounds.right.none && !isSealing ? Infinity : bounds.right.end;
    const newestMs = Math.max(...this.#settledBefore.values());
    let next: Position | undefined;
    let after = from;
    let isStopped = false;
    for (;;) {
      const page = await store.ends({ after, streamPrefix: INVOCATION_PREFIX, types: [...SETTLING] })();
      if (isLeft(page)) return left(`the store cannot be read: ${page.left.message}`);
      const old: Array<{ readonly recorded: RecordedEvent; readonly company: string }> = [];
      for (const recorded of page.right.ends) {
        const company = companyIn(recorded);
        const before = company === undefined ? undefined : this.#settledBefore.get(company);
        if (company === undefined || before === undefined) continue;
        const isOld = settledAtMs(recorded) < before;
        if (isOld && recorded.position <= mayGoUpTo) old.push({ recorded, company });
        else next ??= recorded.position - 1;
        if (isOld && recorded.position > mayGoUpTo) this.#unsealed += 1;
      }
      const weighed = await this.#weighAll(old, bounds.right);
      if (isLeft(weighed)) return weighed;
      after = page.right.next;
      onProgress?.(after);
      const { last } = page.right;
      if (last === undefined || timeOf(last) >= newestMs) break;
      isStopped = !(await breathe());
      if (isStopped) break;
    }
    for (const company of this.#pending.keys()) {
      const flushed = await this.#flush(company);
      if (isLeft(flushed)) return flushed;
    }
    const noted = await this.#note(this.#done);
    if (isLeft(noted)) return noted;
    return right({
      companies: [...this.#done]
        .filter(([, { streams }]) => streams > 0)
        .map(([company, sums]) => ({
          company,
          settledBeforeMs: this.#settledBefore.get(company) ?? 0,
          ...sums,
        })),
      broken: this.#broken,
      unsealed: this.#unsealed,
      next: next ?? after,
      isStopped,
    });
  }

  async #weighAll(
    old: ReadonlyArray<{ readonly recorded: RecordedEvent; readonly company: string }>,
    bounds: SealBounds,
  ): Promise<Either<string, void>> {
    for (const [at, { recorded, company }] of old.entries()) {
      if (at % WEIGHED_TOGETHER === WEIGHED_TOGETHER - 1 && !(await this.#deps.breathe())) break;
      const weighed = await weigh(this.#deps.store, recorded);
      if (isLeft(weighed)) return left(`the store cannot be read: ${weighed.left.message}`);
      if (weighed.right.kind === 'broken' && this.#broken.length < BROKEN_MAX)
        this.#broken.push(weighed.right.reason);
      if (weighed.right.kind !== 'removable') continue;
      const { removal, places, events, bytes } = weighed.right;
      const sealed = bounds.leavesOf(places, recorded.position);
      const pending = this.#pending.get(company) ?? [];
      this.#pending.set(company, pending);
      const positions = asSteps(places.map(({ position }) => position));
      pending.push({
        removal: { ...removal, positions, ...(sealed.length > 0 && { sealed }) },
        events,
        bytes,
      });
      if (pending.length < AT_ONCE && sumOf(pending).bytes < BYTES_AT_ONCE) continue;
      const flushed = await this.#flush(company);
      if (isLeft(flushed)) return flushed;
    }
    return right(undefined);
  }

  async #flush(company: string): Promise<Either<string, void>> {
    const { store, nowMs, newId, apply } = this.#deps;
    let going: ReadonlyArray<Going> = this.#pending.get(company) ?? [];
    this.#pending.delete(company);
    while (apply && going.length > 0) {
      const removals = going.map(({ removal }) => removal);
      const sealed = sealRemovals(this.#head, newId(), nowMs, removals, { company, ...sumOf(going) });
      const removed = await store.remove(sealed.append, removals)();
      if (!isLeft(removed)) {
        this.#head = sealed.head;
        this.#newestOf = company;
        break;
      }
      const conflict = removed.left._tag === 'WrongExpectedRevision' ? removed.left.stream : undefined;
      if (conflict === undefined) return left(`nothing was removed (${removed.left._tag})`);
      if (conflict === REMOVALS_STREAM) return left('another retention is at work on this store');
      // Retried at this very moment: it stays, and is met again behind what was written.
      going = going.filter(({ removal }) => removal.stream !== conflict);
    }
    add(this.#done, company, sumOf(going));
    return right(undefined);
  }

  /**
   * The accounts name the newest record, and with it all before. That company which the newest record is of comes last: where it
   * was told, all were.
   */
  async #note(sums: ReadonlyMap<string, Sums>): Promise<Either<string, void>> {
    const { accounts, apply, newId } = this.#deps;
    if (!apply) return right(undefined);
    const { revision: record, hash } = this.#head;
    const inOrder = [...sums].filter(([, { streams }]) => streams > 0);
    inOrder.sort(([a], [b]) => Number(a === this.#newestOf) - Number(b === this.#newestOf));
    for (const [company, { streams, events, bytes }] of inOrder) {
      const settledBeforeMs = this.#settledBefore.get(company) ?? 0;
      const id = newId();
      const cause = { correlationId: id, causationId: id, actor: 'engine:retention', companyId: company };
      const applied = { settledBeforeMs, record, hash, streams, events, bytes };
      const noted = await accounts.noteRetention(company, applied, cause);
      if (isLeft(noted)) return left(`the account of ${company} cannot be written (${noted.left._tag})`);
    }
    return right(undefined);
  }

  /** All records of one run have one time: those of the newest one that accounts were not told of. */
  async #complete(noted: ReadonlyMap<string, number>): Promise<Either<string, void>> {
    const untold = new Map<string, Sums>();
    let runAtMs: number | undefined;
    for (let fromRevision = this.#head.revision; fromRevision >= 0; fromRevision -= 1) {
      const page = await this.#deps.store.readStream(REMOVALS_STREAM, {
        fromRevision,
        direction: 'backwards',
        limit: 1,
      })();
      if (isLeft(page)) return left(page.left.message);
      const [recorded] = page.right;
      const note = recorded === undefined ? undefined : noteIn(recorded);
      if (note === undefined || (runAtMs !== undefined && note.atMs !== runAtMs)) break;
      const isTold = (noted.get(note.company) ?? -1) >= fromRevision;
      if (runAtMs === undefined) {
        if (isTold) break;
        this.#newestOf = note.company;
        runAtMs = note.atMs;
      }
      if (!isTold) add(untold, note.company, note);
    }
    return this.#note(untold);
  }
}

const sumOf = (going: ReadonlyArray<Going>): Sums =>
  going.reduce(
    (sums, { events, bytes }) => ({
      streams: sums.streams + 1,
      events: sums.events + events,
      bytes: sums.bytes + bytes,
    }),
    { streams: 0, events: 0, bytes: 0 },
  );

const add = (all: Map<string, Sums>, company: string, more: Sums): void => {
  const { streams, events, bytes } = all.get(company) ?? { streams: 0, events: 0, bytes: 0 };
  all.set(company, {
    streams: streams + more.streams,
    events: events + more.events,
    bytes: bytes + more.bytes,
  });
};

const companyIn = (recorded: RecordedEvent): string | undefined => {
  const decoded = decode(recorded);
  return isLeft(decoded) ? undefined : decoded.right.metadata.companyId;
};

/** Of events that nobody else dates, the past: the walk goes on. */
const timeOf = (recorded: RecordedEvent): number => {
  const decoded = decode(recorded);
  return isLeft(decoded) ? 0 : decoded.right.event.atMs;
};
