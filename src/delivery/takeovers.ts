import type { Position } from '../eventstore/event-store.ts';
import type { Routing } from '../projections/read-models.ts';

export interface TakeoverDeps {
  readonly routing: Pick<Routing, 'partitionOf'>;
  /** The newest position whose changes were looked at for the partitions owned then. */
  readonly seenUpTo: () => Position;
  /** Runs between two batches of the log. */
  readonly inTurn: (work: () => Promise<void>) => void;
  /** Does what the log asks for in the range, after < position ≤ upTo, of the webhooks that are ours. Resolves when all of it is done. */
  readonly redo: (after: Position, upTo: Position, isOurs: IsOurs) => Promise<Redone>;
}

/** Whether what a webhook hears of at a position is for this process to do. */
export type IsOurs = (webhook: string, at: Position) => boolean;

export interface Redone {
  /** Everything is scheduled; what else follows may go on beside the reading of the log. */
  readonly reacted: Promise<void>;
}

/**
 * Which partitions this process fans out for, and what it has still to make up for since others did. A partition that
 * comes is first brought up to the place where the reading of the log has come to; only then do further changes go on
 * to its webhooks, so that the order in which they are told does not depend on who does it.
 */
export class Takeovers {
  readonly #deps: TakeoverDeps;
  #assigned: ReadonlySet<number> = new Set();
  readonly #current = new Set<number>();
  readonly #debts = new Set<{ readonly from: Position }>();

  constructor(deps: TakeoverDeps) {
    this.#deps = deps;
  }

  /** Everything before is done, as far as this process had to. */
  upTo(handled: Position): Position {
    return Math.min(handled, ...[...this.#debts].map(({ from }) => from));
  }

  isOurs(webhook: string, at: Position): boolean {
    return this.#isIn(this.#current, webhook, at);
  }

  assigned(partitions: ReadonlySet<number>, undoneFrom: Position): void {
    const gained = new Set([...partitions].filter((partition) => !this.#assigned.has(partition)));
    this.#assigned = partitions;
    for (const partition of this.#current) if (!partitions.has(partition)) this.#current.delete(partition);
    if (gained.size === 0) return;
    const debt = { from: undoneFrom };
    this.#debts.add(debt);
    this.#deps.inTurn(() => this.#takeOver(gained, debt));
  }

  async #takeOver(gained: ReadonlySet<number>, debt: { readonly from: Position }): Promise<void> {
    const upTo = this.#deps.seenUpTo();
    const isOurs: IsOurs = (webhook, at) => this.#isIn(gained, webhook, at);
    const { reacted } = await this.#deps.redo(debt.from, upTo, isOurs);
    for (const partition of gained) if (this.#assigned.has(partition)) this.#current.add(partition);
    reacted.then(
      () => this.#debts.delete(debt),
      // The engine stops because of it; whoever comes next takes this over.
      () => undefined,
    );
  }

  /** Lost meanwhile is lost: whoever has it now does it. */
  #isIn(partitions: ReadonlySet<number>, webhook: string, at: Position): boolean {
    const partition = this.#deps.routing.partitionOf(webhook, at);
    return partition !== undefined && partitions.has(partition) && this.#assigned.has(partition);
  }
}
