import type { Erasures } from '../commands/erasures.ts';
import type { Webhooks } from '../commands/webhooks.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import { RESOURCES } from '../domain/resources.ts';
import type { Rules } from '../domain/rules.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, Position, RecordedEvent } from '../eventstore/event-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import { decodeAll, type Projector } from '../projections/projector.ts';
import type { ReadModels } from '../projections/read-models.ts';
import { type Admission, noAdmission } from './admission.ts';
import { fanOut, type FanOutTask } from './fan-out.ts';
import type { LogPages } from './log-pages.ts';
import { isChange, LogParts, type Part } from './log-parts.ts';
import type { Membership } from './membership.ts';
import type { Patience } from './patience.ts';
import { isCause, react, webhookOf } from './reactions.ts';
import { type IsOurs, type Move, type Redone, Takeovers } from './takeovers.ts';

export interface ConsequenceDeps {
  readonly store: EventStore;
  readonly readModels: ReadModels;
  readonly webhooks: Webhooks;
  readonly rules: Rules;
  readonly defaultRetryBaseMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Undefined: no keys are kept. */
  readonly erasures?: Pick<Erasures, 'complete'>;
  /** Where several nodes share the store; undefined: this process has it for itself. */
  readonly membership?: Membership;
  readonly pages: LogPages;
  readonly patience: Patience;
  readonly projector: Pick<Projector, 'reached'>;
  readonly admission: Admission;
  /** Code units of the changes that may wait in memory for their fan-out; more are read again when their turn comes. */
  readonly changeUnitsMax: number;
  readonly stopped: () => boolean;
  readonly onFailure: (error: unknown) => void;
}

/**
 * What follows from the log: invocations are scheduled for changes, and some events cancel or supersede others. Both run
 * beside the reading, each in the order of the log. All of it may be repeated after a crash.
 */
export class Consequences {
  readonly #deps: ConsequenceDeps;
  readonly #takeovers: Takeovers;
  readonly #parts: LogParts;
  /** The fan-out of what was read; never rejects. */
  #fanningOut: Promise<void> = Promise.resolve();
  /** Reactions; the position of the newest that are under way, 0 when none is. */
  #reacting: Promise<void> = Promise.resolve();
  #reactionsDueTo: Position = 0;
  /** Fan-out and reactions are done up to here. */
  #handled: Position = 0;
  #recorded: Position = 0;
  /** Batches of the log were fanned out up to here. */
  #seen: Position = 0;

  constructor(deps: ConsequenceDeps) {
    this.#deps = deps;
    this.#parts = new LogParts(deps.changeUnitsMax);
    this.#takeovers = new Takeovers({
      routing: deps.readModels,
      seenUpTo: () => this.#seen,
      doneByAll: () => deps.membership?.doneByAll ?? 0,
      inTurn: (work) => this.#inTurn(work),
      redo: (after, upTo, isOurs, onDone) => this.#redo(after, upTo, isOurs, onDone),
    });
  }

  /** How far all of it is done, as far as this process has to. */
  get handledUpTo(): Position {
    return this.#takeovers.upTo(this.#handled);
  }

  /** Resolves when the fan-out of everything taken is done; never rejects. */
  get fannedOut(): Promise<void> {
    return this.#fanningOut;
  }

  /** The same of the reactions that are known by now. */
  get reacted(): Promise<void> {
    return this.#reacting;
  }

  /** The reading begins at the end of the log as it is: what was before is made up for by `finish`, or comes with partitions. */
  beginAt(head: Position): void {
    this.#seen = head;
    this.#parts.beginAt(head);
    if (this.#deps.membership !== undefined) this.#handled = head;
  }

  /** Of a process that has the store for itself: what the last one had not done to its end. Answers how many changes were fanned out. */
  async finish(head: Position): Promise<number> {
    const handled = this.#deps.readModels.handledUpTo();
    const { repeated, scheduledUpTo } = await this.#finishFanOut(head);
    void this.#reactInTurn(head, async () => {
      await this.#deps.projector.reached(scheduledUpTo);
      await this.#repeatReactions(handled, head);
    });
    return repeated;
  }

  /** So much is due that nothing more should be read until it is done. */
  get isFull(): boolean {
    return this.#parts.isFull;
  }

  /**
   * The next batch of the log, which the read models show or soon will. The reading does not wait for a fan-out that is behind:
   * it would fall out of the live feed, and read and parse again all that was written since, not changes alone.
   */
  take(
    recorded: ReadonlyArray<RecordedEvent>,
    events: ReadonlyArray<Decoded>,
    moves: ReadonlyArray<Move>,
    position: Position,
  ): void {
    const part = this.#parts.add(recorded, events, moves, position);
    if (part === undefined) return;
    this.#queue(async () => {
      this.#parts.begin(part);
      await this.#follow(part);
      this.#parts.done(part);
    });
  }

  /** Among other nodes: these partitions are ours from now on. `undoneFrom`: everything up to there is done for all of them. */
  assigned(partitions: ReadonlySet<number>, undoneFrom: Position): void {
    this.#takeovers.assigned(partitions, undoneFrom);
  }

  /** Where the next start may begin. */
  record(): void {
    // Among others it stands in what this node says of itself.
    if (this.#handled <= this.#recorded || this.#deps.membership !== undefined) return;
    this.#deps.readModels.recordFannedOut(this.#handled);
    this.#recorded = this.#handled;
  }

  /**
   * Changes that the last process had not fanned out to the end. What is scheduled tells how far it had come only where an
   * append is all or nothing: else those of one batch land side by side, a later change before an earlier one.
   */
  async #finishFanOut(
    head: Position,
  ): Promise<{ readonly repeated: number; readonly scheduledUpTo: Position }> {
    const { store, readModels, pages } = this.#deps;
    const after = store.atomicBatches ? readModels.fannedOutUpTo() : readModels.handledUpTo();
    let repeated = 0;
    let scheduledUpTo = 0;
    for await (const { events, next } of pages.between(after, head)) {
      const changes = decodeAll(events).filter(isChange);
      repeated += changes.length;
      scheduledUpTo = Math.max(scheduledUpTo, await this.#fanOut(changes, noAdmission, true, ALL));
      if (next >= head) break;
    }
    return { repeated, scheduledUpTo };
  }

  /** Reactions that the last process had not finished. They do nothing where they were. */
  async #repeatReactions(after: Position, head: Position): Promise<void> {
    for await (const { events, next } of this.#deps.pages.between(after, head)) {
      await this.#react(decodeAll(events).filter(isCause));
      if (next >= head) return;
    }
  }

  /** Something between two parts. */
  #inTurn(work: () => Promise<void>): void {
    this.#parts.close();
    this.#queue(work);
  }

  /** One after the other. */
  #queue(work: () => Promise<void>): void {
    this.#fanningOut = this.#fanningOut.then(work).catch((error: unknown) => this.#deps.onFailure(error));
  }

  async #follow(part: Part): Promise<void> {
    const { upTo, changes, causes, moves } = part;
    const isOurs = await this.#beginWith(moves);
    const scheduledUpTo = Math.max(
      await this.#fanOut(changes, this.#deps.admission, false, isOurs),
      await this.#readAndFanOut(part, isOurs),
    );
    // What was not fanned out before the stop must not count as done.
    if (this.#deps.stopped()) return;
    this.#seen = upTo;
    const ours = causes.filter((event) => isOurs(webhookOf(event), event.position));
    if (ours.length > 0) {
      void this.#reactInTurn(upTo, async () => {
        // With what the changes before these events have led to, however late that was written.
        await this.#deps.projector.reached(Math.max(upTo, scheduledUpTo));
        await this.#react(ours);
      });
    } else if (this.#reactionsDueTo === 0) this.#handled = upTo;
  }

  async #beginWith(moves: ReadonlyArray<Move>): Promise<IsOurs> {
    return this.#deps.membership === undefined ? ALL : this.#takeovers.begin(moves);
  }

  /** The changes of a part that are not held. It may be long: if nothing else is in it, each page counts as done, and is looked at anew. */
  async #readAndFanOut(
    { after, upTo, leftOut, causes, moves }: Part,
    isOursAtFirst: IsOurs,
  ): Promise<Position> {
    if (leftOut === undefined) return 0;
    const isPlain = causes.length === 0 && moves.length === 0;
    let isOurs = isOursAtFirst;
    let newest = 0;
    const pages = this.#deps.pages.between(after, upTo, { filter: RESOURCE_FILTER, count: leftOut.count });
    for await (const { events, next } of pages) {
      const changes = decodeAll(events).filter(isChange);
      newest = Math.max(newest, await this.#fanOut(changes, this.#deps.admission, false, isOurs));
      if (next >= leftOut.lastAt) break;
      if (!isPlain || this.#deps.stopped()) continue;
      this.#seen = next;
      if (this.#reactionsDueTo === 0) this.#handled = next;
      isOurs = await this.#beginWith([]);
    }
    return newest;
  }

  /** What others would have done of the range, had they not gone. What they did is left as it is. */
  async #redo(
    after: Position,
    upTo: Position,
    isOurs: IsOurs,
    onDone?: (upTo: Position) => void,
  ): Promise<Redone> {
    const { projector, pages } = this.#deps;
    await projector.reached(upTo);
    let reacted = Promise.resolve();
    let newest = upTo;
    if (after >= upTo) return { reacted };
    for await (const { events, next } of pages.between(after, upTo)) {
      const decoded = decodeAll(events);
      const done = Math.min(next, upTo);
      newest = Math.max(newest, await this.#fanOut(decoded.filter(isChange), noAdmission, true, isOurs));
      const scheduledUpTo = newest;
      const causes = decoded.filter(isCause);
      reacted = this.#reactInTurn(Math.min(done, this.#seen), async () => {
        await projector.reached(scheduledUpTo);
        await this.#react(causes, isOurs);
        // What the stop cut short is not done.
        if (!this.#deps.stopped()) onDone?.(done);
      });
      if (next >= upTo) break;
    }
    return { reacted };
  }

  /** Answers the position of the newest invocation that was stored, 0 when there was none. */
  async #fanOut(
    changes: ReadonlyArray<Decoded<ResourceChange>>,
    admission: Admission,
    repeated: boolean,
    isOurs: IsOurs,
  ): Promise<Position> {
    if (changes.length === 0) return 0;
    const { store, readModels, rules, defaultRetryBaseMs, patience, stopped, log } = this.#deps;
    const deps = {
      store,
      routing: readModels,
      known: readModels,
      isOurs,
      rules,
      defaultRetryBaseMs,
      wait: () => patience.wait(),
      stopped,
      log,
    };
    const task: FanOutTask = { changes, admission, repeated, done: 0, newest: 0 };
    await patience.untilStored('fan-out', () => fanOut(deps, task));
    return task.newest;
  }

  /** Whether each is ours is asked when its turn comes. */
  async #react(causes: ReadonlyArray<Decoded>, isOurs: IsOurs = ALL): Promise<void> {
    for (const cause of causes) {
      if (!isOurs(webhookOf(cause), cause.position)) continue;
      await this.#deps.patience.untilStored('reaction', () => react(this.#deps, cause));
    }
  }

  /** One batch after the other. */
  #reactInTurn(position: Position, reactions: () => Promise<void>): Promise<void> {
    this.#reactionsDueTo = position;
    const done = this.#reacting.then(reactions).then(() => {
      if (this.#deps.stopped()) return;
      this.#handled = Math.max(this.#handled, position);
      if (this.#reactionsDueTo === position) this.#reactionsDueTo = 0;
    });
    this.#reacting = done.catch((error: unknown) => this.#deps.onFailure(error));
    return done;
  }
}

const RESOURCE_FILTER = { streamPrefixes: RESOURCES.map((resource) => `${resource}-`) };

/** Of a process that has the store for itself. */
const ALL: IsOurs = () => true;
