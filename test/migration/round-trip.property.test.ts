import fc from 'fast-check';
import { right } from 'fp-ts/lib/Either.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { checkLog } from '../../src/migration/check-log.ts';
import { compareLogs } from '../../src/migration/compare-logs.ts';
import { copyLog } from '../../src/migration/copy-log.ts';
import { get } from '../contract/event-store.ts';
import { openStore, temporaryPaths } from '../eventstore/temporary.ts';
import { Double } from '../eventstoredb/double/server.ts';
import { openAt } from '../eventstoredb/stores.ts';
import { contents, type Turns, turns, write } from './logs.ts';

const freshPath = temporaryPaths();
let doubles: Double[] = [];
beforeAll(() => {
  doubles = [];
});
afterAll(() => {
  for (const double of doubles) double.stop();
});

const move = async (source: EventStore, target: EventStore): Promise<void> => {
  const { found, copied } = get(
    await copyLog(source, target, { beforeCopying: async () => right(undefined) }),
  );
  get(await compareLogs(source, target, found + copied));
};

/** SQLite, EventStoreDB, SQLite. */
const thereAndBack = async (history: Turns): Promise<void> => {
  const [from, back] = [await openStore(freshPath()), await openStore(freshPath())];
  const double = await new Double().start();
  doubles.push(double);
  const database = await openAt(double.url);
  try {
    await write(from, history);
    await move(from, database);
    await move(database, back);
    expect(await contents(back)).toEqual(await contents(from));
    expect(get(await checkLog(back, { breaksMax: 1 })).breaks).toEqual([]);
  } finally {
    await Promise.all([from.close(), back.close(), database.close()]);
    double.stop();
  }
};

it('there and back gives the same bytes, whatever the history', { timeout: 120_000 }, () =>
  fc.assert(fc.asyncProperty(turns, thereAndBack), { numRuns: 15 }),
);

it('there and back keeps what JSON can say in more than one way', { timeout: 60_000 }, () =>
  thereAndBack([
    {
      stream: 0,
      datas: [{ a: 1e21, b: -0, c: '\u2028\ud800' }, JSON.parse('{"__proto__":1}') as Json, [], 'é€😀\u0000'],
    },
    { stream: 2, datas: [{ '2': 'x', '1': 'y' }, null] },
  ]),
);

it('any beginning of the source may stand in the target already', { timeout: 60_000 }, () =>
  fc.assert(
    fc.asyncProperty(turns, fc.nat(), async (history, cut) => {
      const [source, target] = [openMemoryStore(), openMemoryStore()];
      await write(source, history);
      const events = await contents(source);
      for (const { stream, revision, event } of events.slice(0, cut % (events.length + 1))) {
        get(await target.append([{ stream, expectedRevision: revision - 1, events: [event] }])());
      }
      await move(source, target);
      expect(await contents(target)).toEqual(events);
    }),
  ),
);
