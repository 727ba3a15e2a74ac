import { isLeft } from 'fp-ts/lib/Either.js';
import { sealHistory } from '../../src/audit/seal-history.ts';
import { Accounts } from '../../src/commands/accounts.ts';
import { streamOf } from '../../src/domain/ids.ts';
import { emptyHead, seal } from '../../src/eventstore/codec.ts';
import type { SqliteStore } from '../../src/eventstore/sqlite.ts';
import { applyRetention, type Retained, type RetentionDeps } from '../../src/migration/apply-retention.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { append, get } from '../contract/event-store.ts';
import { scheduled } from '../domain/invocation-samples.ts';
import { CAUSE } from '../eventstore/events.ts';
import { DAY_MS, invocationOf, LIVES } from './invocation-history.ts';

/** A store with companies that keep their invocations for some time, and the means to look at what is left. */

export const COMPANIES = [guidOf(0xa1), guidOf(0xa2), guidOf(0xa3)] as const;
export const NOW_MS = Date.UTC(2026, 5, 15, 12);
export const OLD_MS = NOW_MS - 200 * DAY_MS;
/** Stands in the body of every invocation. */
export const MARK = 'what-nobody-shall-find-again';

let ids = 0;
export const newId = (): string => guidOf(0x9000000 + (ids += 1));
export const random = { uuid: newId, bytes: (count: number) => new Uint8Array(count), unit: () => 0 };

export const clockAt = (nowMs: number) => ({
  nowMs: () => nowMs,
  monotonicMs: () => nowMs,
  setTimer: (_delayMs: number, callback: () => void) => {
    const timer = setImmediate(callback);
    return { cancel: () => clearImmediate(timer) };
  },
});

export const accountsOf = (store: SqliteStore, nowMs = NOW_MS): Accounts =>
  new Accounts({ store, random: random, clock: clockAt(nowMs) });

/** One invocation, each of its events an append of its own. Answers its stream. */
export const write = async (
  store: SqliteStore,
  n: number,
  { company = COMPANIES[0], life = 'delivered', atMs = OLD_MS, upTo = Infinity } = {},
): Promise<string> => {
  const guid = invocationOf(n);
  const stream = streamOf.invocation(guid);
  const body = JSON.stringify({ n, text: MARK.repeat(20) });
  const first = { ...scheduled, guid, companyId: company, change: null, test: true, body, atMs };
  const events = [first, ...(LIVES[life]?.(atMs) ?? [])].slice(0, upTo);
  let head = emptyHead(stream);
  for (const event of events) {
    const sealed = seal(stream, head, [{ id: newId(), event }], { ...CAUSE, companyId: company });
    await append(store, sealed.append);
    head = sealed.head;
  }
  return stream;
};

/** The same, going on with what `write` has cut short. */
export const goOn = async (
  store: SqliteStore,
  stream: string,
  { company = COMPANIES[0], life = 'delivered', atMs = OLD_MS } = {},
): Promise<void> => {
  const there = get(await store.readStream(stream, { limit: 100 })());
  const last = there.at(-1);
  const hash = JSON.parse(last?.event.metadata ?? '{}') as { readonly hash: string };
  const events = (LIVES[life]?.(atMs) ?? []).slice(there.length - 1);
  const sealed = seal(
    stream,
    { revision: last?.revision ?? -1, hash: hash.hash },
    events.map((event) => ({ id: newId(), event })),
    { ...CAUSE, companyId: company },
  );
  await append(store, sealed.append);
};

export const keep = async (store: SqliteStore, company: string, months: number | null): Promise<void> => {
  get(await accountsOf(store, OLD_MS).setRetention(company, months, { ...CAUSE, companyId: company }));
};

export const sealAll = async (store: SqliteStore, eventsMax = 20_000): Promise<void> => {
  const breathe = async (): Promise<boolean> => true;
  get(
    await sealHistory(
      { store, clock: clockAt(NOW_MS), random: random, signer: undefined, breathe },
      eventsMax,
    ),
  );
};

export const retain = async (store: SqliteStore, change: Partial<RetentionDeps> = {}): Promise<Retained> => {
  const done = await applyRetention(
    {
      store,
      accounts: accountsOf(store),
      companies: COMPANIES,
      nowMs: NOW_MS,
      newId,
      isSealing: false,
      apply: true,
      breathe: async () => true,
      ...change,
    },
    0,
  );
  if (isLeft(done)) throw new Error(done.left);
  return done.right;
};

/** Revisions that are left of a stream. */
export const left = async (store: SqliteStore, stream: string): Promise<ReadonlyArray<number>> =>
  get(await store.readStream(stream, { limit: 100 })()).map(({ revision }) => revision);

/** Many invocations in few appends, with bodies of some size. */
export const writeMany = async (
  store: SqliteStore,
  count: number,
  { company = COMPANIES[0], atMs = OLD_MS, bodyBytes = 1_500 } = {},
): Promise<void> => {
  for (let start = 0; start < count; start += 200) {
    const batch = Array.from({ length: Math.min(200, count - start) }, (_, at) => {
      const guid = invocationOf(start + at);
      const stream = streamOf.invocation(guid);
      const body = JSON.stringify({ text: MARK.repeat(Math.ceil(bodyBytes / MARK.length)) });
      const first = { ...scheduled, guid, companyId: company, change: null, test: true, body, atMs };
      const events = [first, ...(LIVES['delivered']?.(atMs) ?? [])].map((event) => ({ id: newId(), event }));
      return seal(stream, emptyHead(stream), events, { ...CAUSE, companyId: company }).append;
    });
    get(await store.append(batch)());
  }
};
