import type { DatabaseSync } from 'node:sqlite';
import { streamOf } from '../domain/ids.ts';
import { type SealedContents, SealTally } from '../domain/seal.ts';
import type { ChainBreak } from './decoded.ts';
import type { Position } from './event-store.ts';
import { isOurs } from './ours.ts';
import { endBreaksIn, eventsIn, type OnEvent, openCheck } from './sqlite-check.ts';
import { openRemoved } from './sqlite-removed.ts';

/** One piece of the verification of a store: what is asked of a thread, and how it is done. */

export type VerifyAsk =
  | {
      readonly kind: 'events';
      readonly after: Position;
      readonly upTo: Position;
      /** Number of the seal that covers exactly this part. */
      readonly seal?: number;
    }
  /** Whether these streams end where they should. */
  | { readonly kind: 'ends'; readonly fromNo: number; readonly toNo: number };

export interface VerifyAnswer {
  /** Events read. */
  readonly events: number;
  readonly breaks: ReadonlyArray<ChainBreak>;
  /** What a seal over the part would say; undefined: nothing was read. */
  readonly contents: SealedContents | undefined;
  /** Events of the part that retention has removed. */
  readonly removed: number;
  readonly pins: ReadonlyArray<Pin>;
}

/** Where an account says what the records of removals had come to. Accounts are sealed, those records are not. */
export interface Pin {
  readonly stream: string;
  readonly revision: number;
  readonly position: Position;
  readonly data: string;
}

export const verifyPart = (db: DatabaseSync, ask: VerifyAsk, breaksMax: number): VerifyAnswer => {
  const breaks: ChainBreak[] = [];
  if (ask.kind === 'ends') {
    for (const found of endBreaksIn(db, ask.fromNo, ask.toNo)) {
      if (breaks.push(found) >= breaksMax) break;
    }
    return { events: 0, breaks, contents: undefined, removed: 0, pins: [] };
  }
  const check = openCheck(db, ask.after);
  const tally = new SealTally();
  const pins: Pin[] = [];
  const count: OnEvent = (stream, event) => {
    const { name, whose, hash } = stream;
    if (event[4] === 'RetentionApplied' && whose === 'ours')
      pins.push({ stream: name, revision: event[2], position: event[0], data: event[5] });
    if (whose === 'others' || name === streamOf.seals) return;
    if (whose === 'ours') tally.pass(name, event[2], hash);
    else if (isOurs({ stream: name, event: { type: event[4], metadata: event[6] } }))
      tally.add(name, event[2], hash);
  };
  let events = 0;
  for (const event of eventsIn(db, ask.after, ask.upTo)) {
    events += 1;
    const found = check.check(event, count);
    if (found.length === 0) continue;
    breaks.push(...found);
    if (breaks.length >= breaksMax) return { events, breaks, contents: undefined, removed: 0, pins };
  }
  breaks.push(...check.end(ask.upTo));
  for (const { name, whose, revision, hash } of check.streams()) {
    if (whose === 'ours' && name !== streamOf.seals) tally.raise(name, revision, hash);
  }
  const removals = openRemoved(db);
  for (const leaf of ask.seal === undefined ? [] : removals.leaves(ask.seal))
    tally.raise(leaf.stream, leaf.revision, leaf.hash);
  const removed = removals.count(ask.after + 1, ask.upTo);
  return { events, breaks, contents: tally.contents(), removed, pins };
};
