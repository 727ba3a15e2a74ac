import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { STREAM_PREFIXES } from '../domain/ids.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, Position, ReadFailure } from '../eventstore/event-store.ts';
import { oursOf } from '../eventstore/ours.ts';
import { decodeAll } from '../projections/projector.ts';
import type { ReadModels } from '../projections/read-models.ts';

/** A history to be gone through, which may grow meanwhile. */
export type AuditedLog = Pick<EventStore, 'readAll' | 'readStream' | 'head' | 'removedAtMs'>;

/** Larger ones are no faster, and what is decoded of them takes more than 100 MB of memory. */
const PAGE = 200;
const FILTER = { streamPrefixes: STREAM_PREFIXES };

export interface LogPage {
  readonly decoded: ReadonlyArray<Decoded>;
  readonly next: Position;
}

/** All events of ours up to `head`. Ends after a Left. */
export async function* pagesOf(
  log: Pick<AuditedLog, 'readAll'>,
  head: Position,
): AsyncGenerator<Either<ReadFailure, LogPage>> {
  for (let after = 0; after < head;) {
    const page = await log.readAll({ after, limit: PAGE, filter: FILTER })();
    if (isLeft(page)) {
      yield page;
      return;
    }
    const { events, next, atEnd } = page.right;
    const decoded = decodeAll(oursOf(events).filter(({ position }) => position <= head));
    yield right({ decoded, next: Math.min(next, head) });
    if (atEnd) return;
    after = next;
  }
}

/** Builds both groups of empty read models up to `head`. `onPage` is called once they show a page. */
export const buildModels = async (
  log: Pick<AuditedLog, 'readAll'>,
  models: ReadModels,
  head: Position,
  onPage: (decoded: ReadonlyArray<Decoded>) => void,
): Promise<Either<ReadFailure, void>> => {
  for await (const page of pagesOf(log, head)) {
    if (isLeft(page)) return page;
    const { decoded, next } = page.right;
    models.apply('routing', decoded, next);
    models.apply('log', decoded, next);
    onPage(decoded);
  }
  return right(undefined);
};
