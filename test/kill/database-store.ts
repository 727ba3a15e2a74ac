import { isLeft } from 'fp-ts/lib/Either.js';
import { STREAM_PREFIXES } from '../../src/domain/ids.ts';
import { verifyChain } from '../../src/eventstore/chain.ts';
import type { Position, RecordedEvent } from '../../src/eventstore/event-store.ts';
import type { Reached } from '../eventstoredb/real.ts';
import { openAt } from '../eventstoredb/stores.ts';
import type { OpenStore } from './store.ts';
import { promised } from './violation.ts';

const PAGE = 1_000;
const CLUSTER = 'callboard-cluster';

const headOf = async ({ url, login }: Reached): Promise<Position> => {
  const store = await openAt(url, { login });
  const head = await store.head()();
  await store.close();
  if (isLeft(head)) throw new Error(head.left.message);
  return head.right;
};

/** What was stored in an EventStoreDB since a moment, in streams that began since then, in the order of its log. */
export class DatabaseLog {
  readonly #reached: Reached;
  readonly #from: Position;

  private constructor(reached: Reached, from: Position) {
    this.#reached = reached;
    this.#from = from;
  }

  /** Whatever it holds already belongs to others. */
  static async from(reached: Reached): Promise<DatabaseLog> {
    return new DatabaseLog(reached, await headOf(reached));
  }

  head(): Promise<Position> {
    return headOf(this.#reached);
  }

  async events(prefixes: ReadonlyArray<string> = STREAM_PREFIXES): Promise<ReadonlyArray<RecordedEvent>> {
    const { url, login } = this.#reached;
    const store = await openAt(url, { login });
    try {
      const all: RecordedEvent[] = [];
      for (let after = this.#from; ;) {
        const filter = { streamPrefixes: prefixes };
        const page = await store.readAll({ after, limit: PAGE, filter })();
        if (isLeft(page)) throw new Error(page.left.message);
        all.push(...page.right.events);
        if (page.right.atEnd) return begunSince(all);
        after = page.right.next;
      }
    } finally {
      await store.close();
    }
  }
}

/** Streams of others are gone on with while a server is up: their attempts are made by whoever is there. */
const begunSince = (events: ReadonlyArray<RecordedEvent>): ReadonlyArray<RecordedEvent> => {
  const begun = new Set(events.flatMap(({ stream, revision }) => (revision === 0 ? [stream] : [])));
  // The nodes' own stream is everybody's.
  return events.filter(({ stream }) => begun.has(stream) || stream === CLUSTER);
};

const byStream = (events: ReadonlyArray<RecordedEvent>): ReadonlyMap<string, ReadonlyArray<RecordedEvent>> =>
  Map.groupBy(events, ({ stream }) => stream);

/** Every stream that began since then hangs together, the one between the nodes included. */
export const checkChains = (events: ReadonlyArray<RecordedEvent>): void => {
  for (const [stream, own] of byStream(events)) {
    // The nodes' own stream may have begun before.
    if ((own[0]?.revision ?? 0) > 0) continue;
    const broken = verifyChain(stream, own);
    const near = own.filter(({ revision }) => Math.abs(revision - (broken?.revision ?? 0)) <= 1);
    promised(
      broken === undefined,
      () => `the history is broken: ${JSON.stringify(broken)}, around it ${JSON.stringify(near)}`,
    );
  }
};

export const checkNumbers = (events: ReadonlyArray<RecordedEvent>): number => {
  let attempts = 0;
  for (const [stream, own] of byStream(events)) {
    let started = 0;
    for (const { event } of own) {
      if (event.type !== 'AttemptStarted') continue;
      const { number } = JSON.parse(event.data) as { readonly number: number };
      started += 1;
      promised(number === started, () => `${stream}: attempt ${number} where ${started} was next`);
    }
    attempts += started;
  }
  return attempts;
};

/** What a server is started with to reach it. */
export const storeSettings = ({ url, login: { user } }: Reached): Readonly<Record<string, string>> => ({
  CALLBOARD_STORE: url,
  ...(user !== null && { CALLBOARD_STORE_USER: user.username, CALLBOARD_STORE_PASSWORD: user.password }),
});

/** An EventStoreDB, or what speaks like one. */
export const databaseStore =
  (reached: Reached): OpenStore =>
  async () => {
    const log = await DatabaseLog.from(reached);
    return {
      environment: storeSettings(reached),
      shared: true,
      atomicBatches: false,
      workMs: 1_000,
      count: async () => (await log.events()).length,
      checkHistory: async () => checkChains(await log.events([...STREAM_PREFIXES, CLUSTER])),
      checkAttemptNumbers: async () => checkNumbers(await log.events()),
      close: async () => undefined,
    };
  };
