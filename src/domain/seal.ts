import { createHash } from 'node:crypto';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { addLeaf, type Frontier, leafHash, rootInSlices, rootOfFrontier } from './merkle.ts';

/**
 * Seals: from time to time it is written down what the history holds, so that whoever kept one can prove later that nothing
 * of it was rewritten, taken out or cut off. A storage format: what is hashed here is never changed.
 *
 * A seal covers the events since the seal before it. Its tree has one leaf for each stream that got events meanwhile: the
 * stream's name, the revision it has come to, and the hash of that event, which by the stream's own chain stands for all
 * before it. A tree over the heads of all streams would prove no more, and each seal would cost as much as the store is large;
 * so each costs what is new. One leaf per event would prove no more either, and could not be computed again once retention
 * has removed a stream's beginning, while the last event of a stream always stays. Leaves are in the order of the streams' names,
 * which no store and no move changes. The order of the events among each other is sealed beside it (`order`).
 *
 * The seals themselves are the leaves of one growing tree (`total`): two hashes' paths lead from any event to the newest root.
 */

/** What a seal says of the events that it covers: the same on every store. */
export interface SealedContents {
  readonly count: number;
  /** Streams that got events. */
  readonly streams: number;
  /** Of the tree over them. */
  readonly root: string;
  /** SHA-256 over the hashes of all events covered, in the order of the log, each with a line feed after it. */
  readonly order: string;
  /** The last event covered. The next one begins what the next seal covers. */
  readonly last: { readonly stream: string; readonly revision: number };
}

export interface SealSignature {
  readonly keyId: string;
  /** Ed25519 over the statement, in Base64. */
  readonly value: string;
}

export interface HistorySealed extends SealedContents {
  readonly type: 'HistorySealed';
  /** 1, 2, 3 … */
  readonly number: number;
  /** Events covered by all seals up to this one. */
  readonly events: number;
  /** Root of the tree over all seals up to this one. */
  readonly total: string;
  /** What the next seal needs to go on with that tree. */
  readonly frontier: Frontier;
  /** Where the last event stood in the store with this id. A move changes it: it spares looking, and proves nothing. */
  readonly hint: { readonly store: string; readonly position: number };
  readonly signature: SealSignature | null;
  readonly atMs: number;
}

export type SealEvent = HistorySealed;

export type SealState =
  { readonly situation: 'unsealed' } | { readonly situation: 'sealed'; readonly seal: HistorySealed };

export const initialSeals: SealState = { situation: 'unsealed' };

/** The newest event alone tells how it stands. */
export const evolveSeals = (_state: SealState, seal: SealEvent): SealState => ({ situation: 'sealed', seal });

export interface SealHistory {
  readonly type: 'SealHistory';
  /** The contents were read after the seal with this number; 0: there was none. */
  readonly after: number;
  readonly contents: SealedContents;
  readonly hint: HistorySealed['hint'];
  /** Ed25519 has no dice: the same statement is always signed alike. */
  readonly sign: (statement: string) => SealSignature | null;
  readonly atMs: number;
}

export type SealRejection = { readonly _tag: 'SealedMeanwhile' };

/** With nothing new, nothing is sealed. */
export const decideSeal = (
  state: SealState,
  { after, contents, hint, sign, atMs }: SealHistory,
): Either<SealRejection, ReadonlyArray<SealEvent>> => {
  if (numberOf(state) !== after) return left({ _tag: 'SealedMeanwhile' });
  if (contents.count === 0) return right([]);
  const before = state.situation === 'sealed' ? state.seal : { events: 0, frontier: [] };
  const core = { ...contents, number: after + 1, events: before.events + contents.count, atMs };
  const frontier = addLeaf(before.frontier, after, leafHash(coreText(core)));
  const total = rootOfFrontier(frontier);
  const signature = sign(statementText({ ...core, total }));
  return right([{ type: 'HistorySealed', ...core, total, frontier, hint, signature }]);
};

/** Of the newest seal; 0: there is none. */
export const numberOf = (state: SealState): number => (state.situation === 'sealed' ? state.seal.number : 0);

export type SealCore = SealedContents & Pick<HistorySealed, 'number' | 'events' | 'atMs'>;

/** What is hashed of a stream's head. A name may hold anything; what follows it cannot. */
export const headText = (stream: string, revision: number, hashHex: string): string =>
  `${stream}\n${revision}\n${hashHex}`;

/** What is hashed of a seal as a leaf of the tree over all seals. */
export const coreText = ({ number, events, count, streams, root, order, last, atMs }: SealCore): string =>
  [
    'callboard seal',
    `number ${number}`,
    `events ${events}`,
    `new events ${count}`,
    `streams ${streams}`,
    `heads ${root}`,
    `order ${order}`,
    `last ${last.revision} ${JSON.stringify(last.stream)}`,
    `at ${new Date(atMs).toISOString()}`,
    '',
  ].join('\n');

/** What is signed: it stands for all seals so far, and so for the whole history. */
export const statementText = (seal: SealCore & Pick<HistorySealed, 'total'>): string =>
  `${coreText(seal)}total ${seal.total}\n`;

/** What is wrong with a seal after those before it, by what it says of itself; undefined: nothing. */
export const sealFault = (before: HistorySealed | undefined, seal: HistorySealed): string | undefined => {
  const { number, events, frontier } = before ?? { number: 0, events: 0, frontier: [] };
  if (seal.number !== number + 1) return `seal ${seal.number} follows seal ${number}`;
  if (seal.events !== events + seal.count)
    return 'its number of events does not follow from the seal before it';
  const grown = addLeaf(frontier, number, leafHash(coreText(seal)));
  if (grown.length !== seal.frontier.length || grown.some((root, at) => root !== seal.frontier[at])) {
    return 'its tree does not follow from the seal before it';
  }
  return seal.total === rootOfFrontier(grown) ? undefined : 'its total is not the root of its tree';
};

/**
 * What does not fit a seal in what its events turn out to be; undefined: they are all there, as they were. `whole`: none of them
 * was removed by policy, so that their number and order can be looked at, too.
 */
export const contentsFault = (
  seal: SealedContents,
  found: SealedContents,
  whole = true,
): string | undefined => {
  const { count, streams, root, order } = found;
  if (whole && count !== seal.count) return `${count} events are there instead of ${seal.count}`;
  if (streams !== seal.streams) return `events of ${streams} streams are there instead of ${seal.streams}`;
  if (root !== seal.root) return 'streams do not end where they ended';
  return whole && order !== seal.order ? 'events stand in another order' : undefined;
};

/** The seal and what it covers, for a human. */
export const describeSeal = ({ number, events, count, atMs }: SealCore): string =>
  `seal ${number} of ${new Date(atMs).toISOString()}, which covers events ${events - count + 1} to ${events}`;

const SLICE = 512;

/** Counts what a seal covers, event by event in the order of the log. */
export class SealTally {
  readonly #heads = new Map<string, { revision: number; hash: string }>();
  readonly #order = createHash('sha256');
  /** Each call costs as much as the hashing. */
  #unhashed = '';
  readonly #last = { stream: '', revision: -1 };
  count = 0;

  add(stream: string, revision: number, hashHex: string): void {
    this.pass(stream, revision, hashHex);
    this.raise(stream, revision, hashHex);
  }

  /** Without its stream's head, for a caller that knows where each stream has come to and raises it once, at the end. */
  pass(stream: string, revision: number, hashHex: string): void {
    this.count += 1;
    this.#last.stream = stream;
    this.#last.revision = revision;
    this.#unhashed += `${hashHex}\n`;
    if (this.count % SLICE === 0) this.#fold();
  }

  /** The stream had come to this revision, though the event is not in the log any more. */
  raise(stream: string, revision: number, hashHex: string): void {
    const known = this.#heads.get(stream);
    if (known === undefined) this.#heads.set(stream, { revision, hash: hashHex });
    else if (known.revision < revision) {
      known.revision = revision;
      known.hash = hashHex;
    }
  }

  /** Names and hashes of the leaves in the order of the tree. */
  leaves(): { readonly streams: ReadonlyArray<string>; readonly hashes: ReadonlyArray<string> } {
    const streams = [...this.#heads.keys()].sort();
    return { streams, hashes: streams.map((stream) => this.#leaf(stream)) };
  }

  head(stream: string): { readonly revision: number; readonly hash: string } | undefined {
    return this.#heads.get(stream);
  }

  contents(): SealedContents {
    const steps = this.contentsInSlices();
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
    }
  }

  /** The same in pieces of about a millisecond. */
  *contentsInSlices(): Generator<void, SealedContents> {
    const streams = [...this.#heads.keys()].sort();
    yield;
    const hashes: string[] = [];
    for (const stream of streams) {
      hashes.push(this.#leaf(stream));
      if (hashes.length % SLICE === 0) yield;
    }
    const root = yield* rootInSlices(hashes, SLICE);
    this.#fold();
    const order = this.#order.copy().digest('hex');
    return { count: this.count, streams: streams.length, root, order, last: { ...this.#last } };
  }

  #leaf(stream: string): string {
    const { revision, hash: hashHex } = this.#heads.get(stream) ?? { revision: -1, hash: '' };
    return leafHash(headText(stream, revision, hashHex));
  }

  #fold(): void {
    this.#order.update(this.#unhashed);
    this.#unhashed = '';
  }
}
