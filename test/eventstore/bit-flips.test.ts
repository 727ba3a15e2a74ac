import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { verifySqliteStore } from '../../src/eventstore/sqlite-verify.ts';
import { get } from '../contract/event-store.ts';
import { sealNow } from '../contract/seals.ts';
import { plain, write } from '../migration/logs.ts';
import { openStore, temporaryPaths } from './temporary.ts';

const freshPath = temporaryPaths();

const FLIPS = 1_000;
const COLUMNS = ['data', 'metadata', 'id', 'type'] as const;

/** Park and Miller's: the same numbers for the same seed, everywhere. */
const numbersFrom = (seed: number): ((below: number) => number) => {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
};

it(`of ${FLIPS} single bits flipped in events, ${FLIPS} are found, at the stream and revision of the event`, async () => {
  const path = freshPath();
  const store = await openStore(path);
  await write(store, plain(20, 4));
  await sealNow(store, 8);
  await write(store, plain(5, 4), 'b');
  await store.close();
  expect(get(await verifySqliteStore(path))).toMatchObject({
    breaks: [],
    seals: { holding: 3, unsealed: 5 },
  });

  const db = new DatabaseSync(path);
  db.exec('PRAGMA synchronous = OFF');
  const rows = db
    .prepare(
      `SELECT e.position, s.name, e.revision, e.data, e.metadata, e.id, e.type
       FROM events e JOIN streams s ON s.stream_no = e.stream_no`,
    )
    .all();
  const pick = numbersFrom(Number(process.env['PROPERTY_SEED'] ?? 1));
  let found = 0;
  for (let flip = 0; flip < FLIPS; flip += 1) {
    const row = rows[pick(rows.length)] ?? {};
    // Most of an event is data and metadata, and most flips fall there.
    const column = COLUMNS[pick(10)] ?? (pick(2) === 0 ? 'data' : 'metadata');
    const intact = Buffer.from(String(row[column]));
    const flipped = Buffer.from(intact);
    const byte = pick(flipped.length);
    flipped.writeUInt8(flipped.readUInt8(byte) ^ (1 << pick(8)), byte);
    const put = db.prepare(`UPDATE events SET ${column} = CAST(? AS TEXT) WHERE position = ?`);
    put.run(flipped, Number(row['position']));
    const { breaks } = get(await verifySqliteStore(path));
    const [first] = breaks;
    if (first?.stream === row['name'] && first?.revision === row['revision']) found += 1;
    put.run(intact, Number(row['position']));
  }
  db.close();
  expect(found).toBe(FLIPS);
  expect(get(await verifySqliteStore(path)).breaks).toEqual([]);
}, 60_000);
