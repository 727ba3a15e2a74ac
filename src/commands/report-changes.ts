import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Cause } from '../domain/events.ts';
import { changeGuid, streamOf } from '../domain/ids.ts';
import {
  decideResource,
  evolveResource,
  type ResourceChange,
  type ResourceState,
} from '../domain/resource-change.ts';
import type { Rules } from '../domain/rules.ts';
import { unitsOf } from '../eventstore/batch.ts';
import { seal } from '../eventstore/codec.ts';
import type { EventStore, Position, StreamAppend } from '../eventstore/event-store.ts';
import { asStoreFailure, type StoreFailure } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { CustomerKeys } from '../ports/customer-keys.ts';
import type { Changes } from '../projections/read-models.ts';
import type { ChangeClaims } from './change-claims.ts';
import {
  customerSubject,
  isSameReport,
  markedFingerprint,
  plainFingerprint,
  withErasures,
} from './customer-data.ts';
import {
  type ChangeReceipt,
  guidOf,
  type PlacedContradiction,
  type ReportedChange,
  type ReportFailure,
} from './reported-change.ts';
import { RequestClaims } from './request-claims.ts';
import { type KnownHead, ResourceHeads } from './resource-heads.ts';

export interface ReportDeps {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly changes: Changes;
  /** Resolves when `changes` shows everything that is in the store now. False: it may not. */
  readonly caughtUp: () => Promise<boolean>;
  readonly openAccount: (companyId: string, cause: Cause) => Promise<Either<StoreFailure, void>>;
  /** Whether the account refuses reports that contradict what is known of an order. */
  readonly isStrict: (companyId: string) => Promise<Either<StoreFailure, boolean>>;
  readonly rules: Pick<Rules, 'reissueScanned'>;
  /** Where nodes share the store: what is new is claimed before it is stored. */
  readonly claims?: ChangeClaims;
  /** Undefined: personal data is stored as it is. */
  readonly keys?: CustomerKeys;
}

/** A change that is on its way to disk, or on disk but not yet in the read models. */
interface Pending {
  readonly fingerprint: string;
  /** Settles when the append did, whatever came of it. */
  readonly settled: Promise<void>;
  durable: boolean;
}

interface Planned {
  readonly appends: ReadonlyArray<StreamAppend>;
  readonly streams: ReadonlyMap<string, KnownHead>;
  /** Fingerprints by change. */
  readonly accepted: ReadonlyMap<string, string>;
  readonly receipts: ReadonlyArray<ChangeReceipt>;
}

/** Why there is no plan yet. */
type NotReady =
  | { readonly _tag: 'HeadsMissing' }
  /** These customers have no key yet. It is on disk before anything that needs it. */
  | { readonly _tag: 'KeysMissing'; readonly subjects: ReadonlySet<string> }
  /**
   * Other requests are storing at this moment what the answer rests on: the equal change, for "duplicate", or what a
   * report contradicts. The answer is given only once that is on disk.
   */
  | { readonly _tag: 'OthersPending'; readonly others: ReadonlyArray<Pending> };

const TRIES_MAX = 8;

/**
 * Takes reports in. A batch is checked as a whole and stored in one append, in the order reported. Requests do not wait
 * for each other's disk: each decides on the state that the ones before it will leave behind, and is decided again
 * should one of those fail.
 */
export class ChangeIntake {
  readonly #deps: ReportDeps;
  readonly #heads: ResourceHeads;
  readonly #pending = new Map<string, Pending>();
  /** The newest report of each resource that is under way; only where the store is shared. */
  readonly #turns = new Map<string, Promise<void>>();
  /** Durable ones that the read models do not show yet, in log order. */
  readonly #unprojected: Array<{ readonly change: string; readonly position: Position }> = [];

  /**
   * The store may hold changes that nothing above shows: those of the last process at first, later those of an append
   * that was not answered. Counted, so that what came while somebody waited is not taken for seen.
   */
  #doubts = 1;
  #doubtsSolved = 0;

  constructor(deps: ReportDeps) {
    this.#deps = deps;
    this.#heads = new ResourceHeads(deps.store);
  }

  report(
    changes: ReadonlyArray<ReportedChange>,
    actor: string,
    requestId: string,
  ): Promise<Either<ReportFailure, ReadonlyArray<ChangeReceipt>>> {
    const work = () => this.#report(changes, actor, requestId);
    return this.#isShared ? this.#inTurn(changes, work) : work();
  }

  /**
   * A shared store may take an append long after it said that it does not know, also one of a process that has ended. The
   * same change reported again is then stored as it was recorded the first time, and the store answers as if the second
   * had been: its hash must not be built upon. So reports of one resource take turns there, and each reads the head.
   */
  get #isShared(): boolean {
    return this.#deps.claims !== undefined || this.#deps.store.positions === 'opaque';
  }

  async #inTurn<A>(changes: ReadonlyArray<ReportedChange>, work: () => Promise<A>): Promise<A> {
    const streams = [...streamsOf(changes)];
    const before = streams.map((stream) => this.#turns.get(stream) ?? Promise.resolve());
    const mine = Promise.all(before).then(work);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    for (const stream of streams) this.#turns.set(stream, settled);
    try {
      return await mine;
    } finally {
      for (const stream of streams) if (this.#turns.get(stream) === settled) this.#turns.delete(stream);
    }
  }

  async #report(
    changes: ReadonlyArray<ReportedChange>,
    actor: string,
    requestId: string,
  ): Promise<Either<ReportFailure, ReadonlyArray<ChangeReceipt>>> {
    const opened = await this.#openAccounts(changes, actor, requestId);
    if (isLeft(opened)) return opened;
    const strict = await this.#strictCompanies(changes);
    if (isLeft(strict)) return strict;

    const claims = new RequestClaims(this.#deps.claims);
    const answer = await this.#decideAndStore(changes, strict.right, claims, actor, requestId);
    if (isLeft(answer) && isRefusal(answer.left)) await claims.release(actor, requestId);
    return answer;
  }

  async #decideAndStore(
    changes: ReadonlyArray<ReportedChange>,
    strict: ReadonlySet<string>,
    claims: RequestClaims,
    actor: string,
    requestId: string,
  ): Promise<Either<ReportFailure, ReadonlyArray<ChangeReceipt>>> {
    let failure: StoreFailure = { _tag: 'StoreUnavailable', message: 'the change was not stored' };
    let headsAreFresh = false;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      if (!(await this.#solveDoubts())) return left(failure);
      const ready = await this.#heads.load(streamsOf(changes));
      if (isLeft(ready)) return ready;
      if (this.#doubts > this.#doubtsSolved) continue;
      if (claims.mayBeStored || (this.#isShared && this.#deps.claims === undefined)) {
        const seenLoads = await this.#seeAll(changes);
        if (seenLoads === undefined) return left(failure);
        if (this.#newestLoad(changes) > seenLoads) continue;
      }
      const planned = this.#plan(changes, strict, actor, requestId);
      if (isLeft(planned)) {
        if (planned.left._tag === 'HeadsMissing') continue;
        if (planned.left._tag === 'KeysMissing') {
          const made = await this.#deps.keys?.make(planned.left.subjects);
          if (made !== undefined && isLeft(made)) return made;
          continue;
        }
        if (planned.left._tag === 'ReportsContradict' && !headsAreFresh) {
          // A wrong head would show when appending; a refusal appends nothing, so the store itself is asked first.
          const streams = [...streamsOf(changes)];
          this.#heads.forget(streams.filter((stream) => this.#openHeadOf(stream) === undefined));
          headsAreFresh = true;
          continue;
        }
        if (planned.left._tag !== 'OthersPending') return left(planned.left);
        await Promise.all(planned.left.others.map((other) => other.settled));
        continue;
      }
      const unclaimed = claims.unclaimed(planned.right.accepted);
      if (unclaimed.length > 0) {
        const claimed = await claims.claim(unclaimed, changes, this.#heads.loads, actor, requestId);
        if (isLeft(claimed)) return claimed;
        continue;
      }
      if (claims.areOlderThan(planned.right.streams.values())) continue;
      const part = this.#deps.claims === undefined ? planned.right : firstPart(planned.right);
      const stored = await this.#store(part);
      claims.stored(stored, part.appends.length);
      if (isLeft(stored)) {
        if (stored.left._tag !== 'TooMuchContention') return stored;
        failure = stored.left;
        claims.isInDoubt();
        continue;
      }
      if (part.accepted.size < planned.right.accepted.size) {
        tries -= 1;
        continue;
      }
      return right(claims.receipts(planned.right.receipts));
    }
    return left(failure);
  }

  /** The read models show everything up to `position`: what only bridged the gap is forgotten. */
  projectedUpTo(position: Position): void {
    let done = 0;
    for (const { change, position: at } of this.#unprojected) {
      if (at > position) break;
      this.#pending.delete(change);
      done += 1;
    }
    if (done > 0) this.#unprojected.splice(0, done);
  }

  async #solveDoubts(): Promise<boolean> {
    while (this.#doubts > this.#doubtsSolved) {
      const seen = this.#doubts;
      if (!(await this.#deps.caughtUp())) return false;
      this.#doubtsSolved = Math.max(this.#doubtsSolved, seen);
    }
    return true;
  }

  async #openAccounts(
    changes: ReadonlyArray<ReportedChange>,
    actor: string,
    requestId: string,
  ): Promise<Either<StoreFailure, void>> {
    for (const companyId of new Set(changes.map((change) => change.companyId))) {
      const cause = { correlationId: requestId, causationId: requestId, actor, companyId };
      const opened = await this.#deps.openAccount(companyId, cause);
      if (isLeft(opened)) return opened;
    }
    return right(undefined);
  }

  /** Only reports of an order's life can contradict anything: for all others no account is asked. */
  async #strictCompanies(
    changes: ReadonlyArray<ReportedChange>,
  ): Promise<Either<StoreFailure, ReadonlySet<string>>> {
    const companies = new Map<string, boolean>();
    for (const { companyId, eventType } of changes) {
      if (eventType === 'ResourceChanged' || companies.has(companyId)) continue;
      const strict = await this.#deps.isStrict(companyId);
      if (isLeft(strict)) return strict;
      companies.set(companyId, strict.right);
    }
    return right(new Set([...companies].flatMap(([companyId, strict]) => (strict ? [companyId] : []))));
  }

  /**
   * Another node may have stored some of the changes: the read models are to show everything that the heads rest on, so
   * that what is not known then is not in the streams either. Answers the newest load of which that is true; undefined: the
   * store is away.
   */
  async #seeAll(changes: ReadonlyArray<ReportedChange>): Promise<number | undefined> {
    for (;;) {
      const loads = this.#heads.loads;
      if (!(await this.#deps.caughtUp())) return undefined;
      if (this.#newestLoad(changes) <= loads) return loads;
    }
  }

  #newestLoad(changes: ReadonlyArray<ReportedChange>): number {
    return Math.max(...changes.map((change) => this.#heads.get(streamName(change))?.load ?? 0));
  }

  /** Runs without a pause: nothing can come between looking for duplicates and taking the places in the streams. */
  #plan(
    changes: ReadonlyArray<ReportedChange>,
    strict: ReadonlySet<string>,
    actor: string,
    requestId: string,
  ): Either<ReportFailure | NotReady, Planned> {
    const atMs = this.#deps.clock.nowMs();
    const { reissueScanned } = this.#deps.rules;
    const bytesMax = this.#deps.store.appendBytesMax;
    let units = 0;
    /** A stream stands once in an append: what a batch says of one resource is written together. */
    const appends: StreamAppend[] = [];
    const streams = new Map<string, KnownHead>();
    const accepted = new Map<string, string>();
    const receipts: ChangeReceipt[] = [];
    const others: Pending[] = [];
    const contradictions: PlacedContradiction[] = [];
    const keyless = new Set<string>();

    for (const [index, change] of changes.entries()) {
      const { companyId, source, id } = change;
      const guid = guidOf(change);
      const pending = this.#pending.get(guid);
      const known =
        accepted.get(guid) ?? pending?.fingerprint ?? this.#deps.changes.change(guid)?.fingerprint;
      if (known !== undefined) {
        if (!isSameReport(known, change, this.#deps.keys)) {
          return left({ _tag: 'ChangeConflict', index, id, source });
        }
        if (pending?.durable === false) others.push(pending);
        receipts.push({ id, source, change: guid, status: 'duplicate' });
        continue;
      }
      const stream = streamName(change);
      const head = streams.get(stream) ?? this.#heads.get(stream);
      if (head === undefined) return left({ _tag: 'HeadsMissing' });
      const { occurredAtMs, ...reported } = change;
      const state = withErasures(head.state);
      const decided = decideResource(state, {
        ...reported,
        type: 'ReportChange',
        // By whose key it is decided below.
        fingerprint: '',
        occurredAtMs: occurredAtMs ?? atMs,
        policy: { strict: strict.has(companyId), reissueScanned },
        atMs,
      });
      if (isLeft(decided)) {
        const open = this.#openHeadOf(stream);
        if (open !== undefined) others.push(open);
        contradictions.push(...decided.left.contradictions.map((one) => ({ ...one, index })));
        continue;
      }
      const events = decided.right.map((event) => this.#keyed(event, change, state, keyless));
      const [fingerprint = ''] = events.map((event) => event.fingerprint);
      const sealed = seal(
        stream,
        head.head,
        events.map((event) => ({ id: guid, event })),
        { correlationId: guid, causationId: requestId, actor, companyId },
      );
      // Each report of an order brings the whole order along: many of a large one are too much before all are made.
      units += sealed.append.events.reduce((sum, event) => sum + unitsOf(event), 0);
      if (units > bytesMax) return left({ _tag: 'AppendTooLarge', bytes: units, bytesMax });
      appends.push(sealed.append);
      streams.set(stream, {
        state: events.reduce(evolveResource, state),
        head: sealed.head,
        load: head.load,
      });
      accepted.set(guid, fingerprint);
      receipts.push({ id, source, change: guid, status: 'accepted' });
    }
    if (keyless.size > 0) return left({ _tag: 'KeysMissing', subjects: keyless });
    if (others.length > 0) return left({ _tag: 'OthersPending', others });
    if (contradictions.length > 0) return left({ _tag: 'ReportsContradict', contradictions });
    return right({ appends, streams, accepted, receipts });
  }

  /** The event with the key of whose data it holds. Where there is none yet its subject is noted, and nothing may be stored. */
  #keyed(
    event: ResourceChange,
    change: ReportedChange,
    before: ResourceState,
    keyless: Set<string>,
  ): ResourceChange {
    const { keys } = this.#deps;
    const subject = keys && customerSubject(keys, event, before);
    if (keys === undefined || subject === undefined) {
      return { ...event, fingerprint: plainFingerprint(change) };
    }
    const customer = keys.current(subject);
    if (customer === undefined) {
      keyless.add(subject);
      return event;
    }
    return { ...event, fingerprint: markedFingerprint(change, customer), customer };
  }

  /** The change that brought the stream to where it is, while it may still fail: nothing is refused because of it. */
  #openHeadOf(stream: string): Pending | undefined {
    const state = this.#heads.get(stream)?.state;
    if (state?.situation !== 'known') return undefined;
    const { companyId, source, id } = state.lastChange;
    const pending = this.#pending.get(changeGuid(companyId, source, id));
    return pending?.durable === false ? pending : undefined;
  }

  async #store(planned: Planned): Promise<Either<StoreFailure, void>> {
    const { appends, streams, accepted } = planned;
    if (appends.length === 0) return right(undefined);

    let settle: () => void = () => undefined;
    const settled = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const pendings: Pending[] = [];
    for (const [guid, fingerprint] of accepted) {
      const pending = { fingerprint, settled, durable: false };
      pendings.push(pending);
      this.#pending.set(guid, pending);
    }
    this.#heads.writing(streams, settled);

    const appended = await this.#deps.store.append(appends)();
    if (isLeft(appended)) {
      const { _tag } = appended.left;
      if (_tag === 'OutcomeUnknown' || _tag === 'WrongExpectedRevision') this.#doubts += 1;
      for (const guid of accepted.keys()) this.#pending.delete(guid);
      this.#heads.forget(streams.keys());
      settle();
      return left(asStoreFailure(appended.left));
    }
    for (const pending of pendings) pending.durable = true;
    if (this.#isShared) this.#heads.forget(streams.keys());
    for (const [index, { events }] of appends.entries()) {
      const position = appended.right[index]?.position;
      if (position === undefined) continue;
      for (const { id } of events) this.#unprojected.push({ change: id, position });
    }
    settle();
    return right(undefined);
  }
}

/** For what it says, whenever it is said again; not because the store could not do it now. */
const isRefusal = ({ _tag }: ReportFailure): boolean =>
  _tag === 'ChangeConflict' || _tag === 'ReportsContradict' || _tag === 'AppendTooLarge';

/**
 * What may be stored at once where nodes share the store: up to the first change of a stream that the plan has left and
 * comes back to. Another node may have stored what stands before it there, see `#writing`.
 */
const firstPart = ({ appends, accepted, ...planned }: Planned): Planned => {
  const together = new Map<string, StreamAppend>();
  let newest: string | undefined;
  for (const append of appends) {
    const { stream } = append;
    const before = together.get(stream);
    if (before !== undefined && stream !== newest) break;
    const joined =
      before === undefined ? append : { ...before, events: [...before.events, ...append.events] };
    together.set(stream, joined);
    newest = stream;
  }
  const parts = [...together.values()];
  const ids = new Set(parts.flatMap(({ events }) => events.map(({ id }) => id)));
  return { ...planned, appends: parts, accepted: new Map([...accepted].filter(([guid]) => ids.has(guid))) };
};

const streamsOf = (changes: ReadonlyArray<ReportedChange>): ReadonlySet<string> =>
  new Set(changes.map(streamName));

const streamName = (change: ReportedChange): string =>
  streamOf.resource(change.companyId, change.resource, change.identifier);
