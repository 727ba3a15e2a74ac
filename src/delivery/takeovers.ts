import type { Position } from '../eventstore/event-store.ts';
import type { Routing } from '../projections/read-models.ts';

export interface TakeoverDeps {
  readonly routing: Pick<Routing, 'partitionsOf'>;
  /** The newest position whose changes were looked at for the partitions owned then. */
  readonly seenUpTo: () => Position;
  /** Everything up to there is done for all partitions, whoever had them. */
  readonly doneByAll: () => Position;
  /** Runs between two batches of the log. */
  readonly inTurn: (work: () => Promise<void>) => void;
  /**
   * Does what the log asks for in the range, after < position ≤ upTo, of the webhooks that are ours. Resolves when all of it
   * is scheduled. `onDone` is told on the way up to where everything is done.
   */
  readonly redo: (
    after: Position,
    upTo: Position,
    isOurs: IsOurs,
    onDone?: (upTo: Position) => void,
  ) => Promise<Redone>;
}

/** Whether what a webhook hears of at a position is for this process to do. */
export type IsOurs = (webhook: string, at: Position) => boolean;

export interface Redone {
  /** Everything is scheduled; what else follows may go on beside the reading of the log. */
  readonly reacted: Promise<void>;
}

/** A webhook that has, or may have, got another endpoint at a position. */
export interface Move {
  readonly webhook: string;
  readonly at: Position;
}

/** Partitions that came together, for as long as they are not lost again. */
interface Takeover {
  /** What they ask for is undone from there on. Goes on while it is made up for, so that whoever comes next need not begin anew. */
  from: Position;
  /** They are where the reading of the log is: further changes go on to their webhooks. */
  current: boolean;
}

/**
 * Which partitions this process fans out for, and what it has still to make up for since others did. A partition that
 * comes is first brought up to the place where the reading of the log has come to; only then do further changes go on
 * to its webhooks, so that the order in which they are told does not depend on who does it. The same holds for a webhook
 * that moves to an endpoint of ours: whoever told it before may still be behind.
 */
export class Takeovers {
  readonly #deps: TakeoverDeps;
  readonly #held = new Map<number, Takeover>();
  readonly #debts = new Set<Takeover>();
  /** One that has not begun: one way through the log serves for what comes until then. */
  #next: Takeover | undefined;
  /** Those held that are where the reading of the log is; never changed, but made anew when they are others. */
  #current: ReadonlySet<number> | undefined;

  constructor(deps: TakeoverDeps) {
    this.#deps = deps;
  }

  /** Everything before is done, as far as this process had to. */
  upTo(handled: Position): Position {
    return Math.min(handled, ...[...this.#debts].map(({ from }) => from));
  }

  /** `undoneFrom`: everything up to there is done for all partitions. */
  assigned(partitions: ReadonlySet<number>, undoneFrom: Position): void {
    for (const partition of this.#held.keys()) if (!partitions.has(partition)) this.#held.delete(partition);
    this.#current = undefined;
    const gained = [...partitions].filter((partition) => !this.#held.has(partition));
    if (gained.length === 0) return;
    const takeover = this.#next ?? this.#owe(undoneFrom);
    takeover.from = Math.min(takeover.from, undoneFrom);
    for (const partition of gained) this.#held.set(partition, takeover);
  }

  #owe(from: Position): Takeover {
    const takeover = { from, current: false };
    this.#next = takeover;
    this.#debts.add(takeover);
    this.#deps.inTurn(() => this.#takeOver(takeover));
    return takeover;
  }

  /**
   * Before a batch of the log: what of it is ours. That stays so until its end, whatever is lost meanwhile: of a webhook that
   * moves from one of our partitions to another nothing may be left out in between. Webhooks that came to our endpoints from
   * those of others are first brought up to where they came.
   */
  async begin(moves: ReadonlyArray<Move>): Promise<IsOurs> {
    this.#current ??= new Set([...this.#held].flatMap(([partition, of]) => (of.current ? [partition] : [])));
    const current = this.#current;
    const arrivals = new Map<string, Position>();
    for (const { webhook, at } of moves) {
      const [before, now] = this.#deps.routing.partitionsOf(webhook, at - 1, at);
      if (before === undefined || now === undefined) continue;
      if (current.has(now) && !current.has(before)) arrivals.set(webhook, at);
    }
    if (arrivals.size > 0) {
      const isArrival: IsOurs = (webhook, at) => at <= (arrivals.get(webhook) ?? 0);
      await this.#deps.redo(this.#deps.doneByAll(), Math.max(...arrivals.values()), isArrival);
    }
    return (webhook, at) => {
      const [partition] = this.#deps.routing.partitionsOf(webhook, at, at);
      return partition !== undefined && current.has(partition);
    };
  }

  async #takeOver(takeover: Takeover): Promise<void> {
    this.#next = undefined;
    const upTo = this.#deps.seenUpTo();
    // Lost meanwhile is lost, even if it came again: that is another takeover.
    const isOurs: IsOurs = (webhook, at) =>
      this.#deps.routing
        .partitionsOf(webhook, at, upTo)
        .some((partition) => this.#held.get(partition) === takeover);
    const { reacted } = await this.#deps.redo(takeover.from, upTo, isOurs, (done) => (takeover.from = done));
    takeover.current = true;
    this.#current = undefined;
    reacted.then(
      () => this.#debts.delete(takeover),
      // The engine stops because of it; whoever comes next takes this over.
      () => undefined,
    );
  }
}
