import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { STREAM_PREFIXES } from '../domain/ids.ts';
import { leafHash, pathTo } from '../domain/merkle.ts';
import { contentsFault, coreText, describeSeal, type HistorySealed, SealTally } from '../domain/seal.ts';
import { emptyHead, hashIn } from '../eventstore/chain.ts';
import type { EventStore, Position, RecordedEvent } from '../eventstore/event-store.ts';
import { oursOf } from '../eventstore/ours.ts';
import type { WatchedRemovals } from '../eventstore/seal-watch.ts';
import { endOf } from '../eventstore/seals.ts';
import type { Proof, Root, SealFields } from './proof-check.ts';

/** Makes the proof that an event of a stream is part of what the seals say; `proof-check.ts` checks it. */

export type ProvenLog = Pick<EventStore, 'id' | 'readAll' | 'readStream'>;

export interface ProveDeps {
  readonly log: ProvenLog;
  /** All of them, or those up to the root that the proof shall lead to. */
  readonly seals: ReadonlyArray<HistorySealed>;
  readonly removals: WatchedRemovals;
}

export interface Subject extends Pick<Proof, 'kind' | 'guid' | 'stream'> {
  /** The first event that is to be proven: of a change its own. */
  readonly revision: number;
}

export interface Proven {
  readonly proof: Proof;
  /** Events of the stream that no seal covers yet. */
  readonly unsealed: number;
}

const PAGE = 500;
const FILTER = { streamPrefixes: STREAM_PREFIXES };

/** Left is complete, for the operator. */
export const prove = async (deps: ProveDeps, subject: Subject): Promise<Either<string, Proven>> => {
  const { seals, removals } = deps;
  const newest = seals.at(-1);
  if (newest === undefined) return left(NOTHING_SEALED);
  const read = await readEvents(deps, subject);
  if (isLeft(read)) return read;
  const all = read.right;
  const [first] = all;
  const { kind, guid, stream } = subject;
  if (first === undefined) return left(`there is no ${kind} ${guid} in the history`);
  const found = await findLeaf(deps, subject, all);
  if (isLeft(found)) return found;
  if (found.right === undefined) return left(`no seal covers ${kind} ${guid} yet: ${SEAL_FIRST}`);
  const { index, tally } = found.right;
  const seal = seals[index];
  const head = tally.head(stream);
  if (seal === undefined || head === undefined)
    throw new Error('a leaf that was found has a seal and a head');
  const events = all.filter(({ revision }) => revision <= head.revision);
  const { streams, hashes } = tally.leaves();
  const leaf = streams.indexOf(stream);
  const cores = seals.map((one) => leafHash(coreText(one)));
  const before = await hashBefore(deps, removals, first);
  if (isLeft(before)) return before;
  return right({
    unsealed: all.length - events.length,
    proof: {
      kind,
      guid,
      stream,
      before: { revision: first.revision - 1, hash: before.right },
      events: events.map(({ revision, event: { id, type, data, metadata } }) => ({
        revision,
        id,
        type,
        data,
        metadata,
      })),
      leaf: { index: leaf, path: pathTo(hashes, leaf) },
      seal: fieldsOf(seal),
      path: pathTo(cores, index),
      root: rootAt(seals),
    },
  });
};

/** What an auditor keeps: the newest of these seals, with what it stands for. There must be one. */
export const rootAt = (seals: ReadonlyArray<HistorySealed>): Root => {
  const newest = seals.at(-1);
  if (newest === undefined) throw new Error('there is no seal');
  const cores = seals.map((one) => leafHash(coreText(one)));
  return {
    ...fieldsOf(newest),
    total: newest.total,
    path: pathTo(cores, cores.length - 1),
    signature: newest.signature,
  };
};

export const SEAL_FIRST = "the server makes one from time to time, 'callboard audit seal' makes one at once";
export const NOTHING_SEALED = `the history has no seal yet: ${SEAL_FIRST}`;

const fieldsOf = ({
  number,
  events,
  count,
  streams,
  root,
  order,
  last,
  atMs,
}: HistorySealed): SealFields => ({
  number,
  events,
  count,
  streams,
  root,
  order,
  last: { revision: last.revision, stream: last.stream },
  atMs,
});

const readEvents = async (
  { log }: ProveDeps,
  { stream, revision }: Subject,
): Promise<Either<string, ReadonlyArray<RecordedEvent>>> => {
  const events: RecordedEvent[] = [];
  for (let from = revision; ; from = (events.at(-1)?.revision ?? from) + 1) {
    const page = await log.readStream(stream, { fromRevision: from, limit: PAGE })();
    if (isLeft(page)) return left(page.left.message);
    events.push(...page.right);
    if (page.right.length < PAGE) return right(events);
  }
};

/** What the first event hangs on; where that was removed by policy, what was recorded of it. */
const hashBefore = async (
  { log }: ProveDeps,
  removals: WatchedRemovals,
  { stream, revision }: RecordedEvent,
): Promise<Either<string, string>> => {
  if (revision === 0) return right(emptyHead(stream).hash);
  const page = await log.readStream(stream, { fromRevision: revision - 1, limit: 1 })();
  if (isLeft(page)) return left(page.left.message);
  const [before] = page.right;
  const removal = removals.of(stream);
  const known =
    before?.revision === revision - 1
      ? hashIn(before.event.metadata)
      : removal?.revision === revision - 1
        ? removal.hash
        : undefined;
  return known === undefined
    ? left(`stream '${stream}': what came before revision ${revision} is gone, see 'callboard audit verify'`)
    : right(known);
};

interface Leaf {
  readonly index: number;
  readonly tally: SealTally;
}

/**
 * The seal whose tree has a leaf that stands for the events: of a change the first one, of an invocation the last. Where positions tell, only
 * what that seal covers is read; else from the seal made at the event's time on, and if that was not right, all.
 */
const findLeaf = async (
  deps: ProveDeps,
  { kind, stream, revision }: Subject,
  events: ReadonlyArray<RecordedEvent>,
): Promise<Either<string, Leaf | undefined>> => {
  const wanted = kind === 'change' ? revision : (events.at(-1)?.revision ?? 0);
  const starts = new Set([await startFor(deps, events, wanted), 0]);
  let found: Leaf | undefined;
  for (const start of starts) {
    const walked = await walk(deps, start, (index, tally) => {
      const head = tally.head(stream);
      if (head === undefined || (kind === 'change' && head.revision < wanted)) return false;
      found = { index, tally };
      return head.revision >= wanted;
    });
    if (isLeft(walked)) return walked;
    if (walked.right || found !== undefined) break;
  }
  const seal = found === undefined ? undefined : deps.seals[found.index];
  if (found === undefined || seal === undefined) return right(undefined);
  const fault = contentsFault(seal, found.tally.contents(), deps.removals.isEmpty);
  return fault === undefined
    ? right(found)
    : left(`${describeSeal(seal)}, does not hold: ${fault}; see 'callboard audit verify'`);
};

/** Clocks of several nodes differ. */
const SKEW_MS = 10 * 60 * 1000;
const TIME = /"time":"([^"]{24})"/;

/** The index of a seal from which on the events should be found. */
const startFor = async (
  { log, seals }: ProveDeps,
  events: ReadonlyArray<RecordedEvent>,
  wanted: number,
): Promise<number> => {
  const event = events.find(({ revision }) => revision === wanted);
  const position = event?.position ?? 0;
  const atMs = Date.parse(TIME.exec(event?.event.metadata ?? '')?.[1] ?? '');
  const isBefore = async (seal: HistorySealed): Promise<boolean> => {
    if (position === 0) return seal.atMs < atMs - SKEW_MS;
    const end = await endOf(log, seal);
    return !isLeft(end) && end.right !== undefined && end.right < position;
  };
  let [from, to] = [0, seals.length];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    const seal = seals[middle];
    if (seal !== undefined && (await isBefore(seal))) from = middle + 1;
    else to = middle;
  }
  return Math.min(from, seals.length - 1);
};

/** Tallies what one seal after the other covers, from that one on, until `take` has enough. Right: whether it had. */
const walk = async (
  { log, seals, removals }: ProveDeps,
  start: number,
  take: (index: number, tally: SealTally) => boolean,
): Promise<Either<string, boolean>> => {
  const before = seals[start - 1];
  const end = before === undefined ? right(0) : await endOf(log, before);
  if (isLeft(end)) return left(end.left.message);
  // Where it begins cannot be told: nothing is found this time.
  if (end.right === undefined) return right(false);
  let after: Position = end.right;
  let index = start;
  let tally = new SealTally();
  const isRemoved = (stream: string, revision: number): boolean =>
    revision <= (removals.of(stream)?.revision ?? -1);
  const close = (): boolean => {
    for (const leaf of removals.sealedIn(index + 1)) tally.raise(leaf.stream, leaf.revision, leaf.hash);
    const enough = take(index, tally);
    index += 1;
    tally = new SealTally();
    return enough;
  };
  for (;;) {
    const page = await log.readAll({ after, limit: PAGE, filter: FILTER })();
    if (isLeft(page)) return left(page.left.message);
    for (const { stream, revision, position, event } of oursOf(page.right.events)) {
      let seal = seals[index];
      // What it ends with was removed: its place in this store tells.
      while (seal?.hint.store === log.id && position > seal.hint.position) {
        if (close()) return right(true);
        seal = seals[index];
      }
      if (seal === undefined) return right(false);
      if (!isRemoved(stream, revision)) tally.add(stream, revision, hashIn(event.metadata) ?? '');
      const { last } = seal;
      if (last.stream === stream && last.revision === revision && close()) return right(true);
    }
    after = page.right.next;
    if (page.right.atEnd) return right(false);
  }
};
