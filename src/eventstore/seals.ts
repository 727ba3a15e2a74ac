import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { streamOf } from '../domain/ids.ts';
import {
  decideSeal,
  evolveSeals,
  type HistorySealed,
  initialSeals,
  type SealEvent,
  sealFault,
  type SealHistory,
  type SealRejection,
  type SealState,
} from '../domain/seal.ts';
import { emptyHead, headOf, verifyChain } from './chain.ts';
import { decode } from './codec.ts';
import type { ChainBreak } from './decoded.ts';
import type { EventStore, Position, ReadFailure, RecordedEvent } from './event-store.ts';
import type { Aggregate } from './transact.ts';

/** The stream of the seals, as it is written and read. */

export const seals: Aggregate<SealState, SealHistory, SealEvent, SealRejection> = {
  initial: initialSeals,
  evolve: evolveSeals,
  decide: decideSeal,
  foldsFromLastEvent: true,
};

export interface ReadSeals {
  readonly seals: ReadonlyArray<HistorySealed>;
  /** The first place where they do not follow from each other: those from there on are left out. */
  readonly broken: ChainBreak | undefined;
}

const PAGE = 500;

/** All seals in their order, each looked at beside the one before it. */
export const readSeals = async (
  log: Pick<EventStore, 'readStream'>,
): Promise<Either<ReadFailure, ReadSeals>> => {
  const found: HistorySealed[] = [];
  let head = emptyHead(streamOf.seals);
  for (;;) {
    const page = await log.readStream(streamOf.seals, { fromRevision: head.revision + 1, limit: PAGE })();
    if (isLeft(page)) return page;
    const chain = verifyChain(streamOf.seals, page.right, head);
    for (const recorded of page.right) {
      if (recorded.revision === chain?.revision) break;
      const seal = sealIn(recorded, found.at(-1));
      if (isLeft(seal)) return right({ seals: found, broken: breakAt(recorded, seal.left) });
      found.push(seal.right);
    }
    if (chain !== undefined) return right({ seals: found, broken: chain });
    if (page.right.length > 0) head = headOf(page.right, streamOf.seals);
    if (page.right.length < PAGE) return right({ seals: found, broken: undefined });
  }
};

const sealIn = (
  recorded: RecordedEvent,
  before: HistorySealed | undefined,
): Either<string, HistorySealed> => {
  const decoded = decode(recorded);
  if (isLeft(decoded)) return left(decoded.left.reason);
  const { event } = decoded.right;
  if (event.type !== 'HistorySealed') return left(`${event.type} is no seal`);
  const fault = sealFault(before, event);
  return fault === undefined ? right(event) : left(fault);
};

const breakAt = ({ stream, revision, position }: RecordedEvent, reason: string): ChainBreak => ({
  stream,
  revision,
  position,
  reason,
});

/**
 * Where the last event that the seal covers stands; undefined: this store does not tell, and the log has to be gone through
 * until it comes.
 */
export const endOf = async (
  log: Pick<EventStore, 'id' | 'readStream'>,
  { hint, last }: Pick<HistorySealed, 'hint' | 'last'>,
): Promise<Either<ReadFailure, Position | undefined>> => {
  if (hint.store === log.id) return right(hint.position);
  const page = await log.readStream(last.stream, { fromRevision: last.revision, limit: 1 })();
  if (isLeft(page)) return page;
  const [found] = page.right;
  return right(found?.revision === last.revision && found.position > 0 ? found.position : undefined);
};
