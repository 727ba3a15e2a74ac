import { isResourceStream } from '../domain/ids.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import { unitsOf } from '../eventstore/batch.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Position, RecordedEvent } from '../eventstore/event-store.ts';
import { isCause } from './reactions.ts';
import type { Move } from './takeovers.ts';

/** A part of the log, after < position ≤ upTo, and what follows from it. */
export interface Part {
  readonly after: Position;
  readonly upTo: Position;
  readonly changes: ReadonlyArray<Decoded<ResourceChange>>;
  /** Changes that are not held, as too many are: to be read again. Then `changes` is empty. */
  readonly leftOut: { readonly count: number; readonly lastAt: Position } | undefined;
  readonly causes: ReadonlyArray<Decoded>;
  readonly moves: ReadonlyArray<Move>;
  /** Code units of the events held for it. */
  readonly units: number;
}

export const isChange = (decoded: Decoded): decoded is Decoded<ResourceChange> =>
  isResourceStream(decoded.stream);

/**
 * Cuts what is read of the log into parts that wait for their turn, and bounds what is held of them: with more than `unitsMax`
 * code units of events, further changes are left out. Parts that only leave out changes grow until their turn comes: however long
 * the fan-out is behind, and in however many batches the log comes, they are few.
 */
export class LogParts {
  readonly #unitsMax: number;
  #taken: Position = 0;
  #unitsHeld = 0;
  /** The newest part, while it can grow. */
  #growing: { -readonly [K in keyof Part]: Part[K] } | undefined;

  constructor(unitsMax: number) {
    this.#unitsMax = unitsMax;
  }

  /** The first part begins after this position. */
  beginAt(position: Position): void {
    this.#taken = position;
  }

  /** So much is held that nothing more should be read until it is done. Changes alone never lead to this. */
  get isFull(): boolean {
    return this.#unitsHeld > 2 * this.#unitsMax;
  }

  /** The next batch of the log as a part; undefined: the newest part has grown by it. */
  add(
    recorded: ReadonlyArray<RecordedEvent>,
    events: ReadonlyArray<Decoded>,
    moves: ReadonlyArray<Move>,
    upTo: Position,
  ): Part | undefined {
    const after = this.#taken;
    this.#taken = upTo;
    const changes: Decoded<ResourceChange>[] = [];
    const causes: Decoded[] = [];
    let [changeUnits, causeUnits] = [0, 0];
    for (const [index, decoded] of events.entries()) {
      const event = recorded[index]?.event;
      const units = event === undefined ? 0 : unitsOf(event);
      if (isChange(decoded)) {
        changes.push(decoded);
        changeUnits += units;
      } else if (isCause(decoded)) {
        causes.push(decoded);
        causeUnits += units;
      }
    }
    const growing = this.#growing;
    // Once some are left out, so are those behind them: one part instead of many.
    const isTooMuch = growing !== undefined || this.#unitsHeld + changeUnits > this.#unitsMax;
    const last = changes.at(-1);
    const leftOut =
      isTooMuch && last !== undefined ? { count: changes.length, lastAt: last.position } : undefined;
    const isPlain = causes.length === 0 && moves.length === 0;
    if (growing !== undefined && isPlain) {
      growing.upTo = upTo;
      const before = growing.leftOut?.count ?? 0;
      if (leftOut !== undefined) growing.leftOut = { count: before + leftOut.count, lastAt: leftOut.lastAt };
      return undefined;
    }
    const held = leftOut === undefined;
    const units = causeUnits + (held ? changeUnits : 0);
    this.#unitsHeld += units;
    const part = { after, upTo, changes: held ? changes : [], leftOut, causes, moves, units };
    this.#growing = isPlain && !held ? part : undefined;
    return part;
  }

  /** What comes from now on is a part of its own: something else has to come in between. */
  close(): void {
    this.#growing = undefined;
  }

  /** The turn of this part has come: from now on it is as it is. */
  begin(part: Part): void {
    if (this.#growing === part) this.#growing = undefined;
  }

  /** Nothing is held for it any more. */
  done({ units }: Part): void {
    this.#unitsHeld -= units;
  }
}
