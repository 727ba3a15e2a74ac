import { createHash } from 'node:crypto';
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isLeft } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import type { ChainBreak } from '../../src/eventstore/decoded.ts';
import { openSqliteStore } from '../../src/eventstore/sqlite.ts';
import { openForReading } from '../../src/eventstore/sqlite-schema.ts';
import { tailBreak } from '../../src/eventstore/sqlite-tail.ts';
import { verifySqliteStore } from '../../src/eventstore/sqlite-verify.ts';
import { append, get } from '../contract/event-store.ts';
import { change, Writer } from './events.ts';
import { openStore, temporaryPaths } from './temporary.ts';

const freshPath = temporaryPaths();

/** A closed store: order-0 to order-4 with revisions 0 to 3 each, written in turn at positions 1 to 20. */
const damagedStore = async (path: string, damage: string): Promise<void> => {
  const store = await openStore(path);
  const writers = [0, 1, 2, 3, 4].map((n) => new Writer(`order-${n}`));
  for (let revision = 0; revision < 4; revision += 1) {
    await append(
      store,
      ...writers.map((writer, n) => writer.next([100 * n + revision], (id) => change(id, `content ${id}`))),
    );
  }
  await store.close();
  const db = new DatabaseSync(path);
  db.exec(damage);
  db.close();
};

const openBreak = async (path: string): Promise<ChainBreak | null> => {
  const before = createHash('sha256').update(readFileSync(path)).digest('hex');
  const opened = await openSqliteStore({ path, onFatal: () => undefined });
  if (!isLeft(opened)) {
    await opened.right.close();
    throw new Error('a damaged store was opened');
  }
  expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(before);
  if (opened.left._tag !== 'StoreDamaged') throw new Error(opened.left.message);
  expect(opened.left.message).toContain(`${path} is damaged: `);
  const { stream, revision } = opened.left.break ?? {};
  if (typeof stream === 'string')
    expect(opened.left.message).toContain(`stream '${stream}' at revision ${revision}`);
  return opened.left.break;
};

const breaksOf = async (path: string): Promise<ReadonlyArray<ChainBreak>> =>
  get(await verifySqliteStore(path)).breaks;

// Stream order-2 has number 3; its revision 1 stands at position 8.
const EVENT = 'stream_no = 3 AND revision = 1';

describe('damage in the log is found when the store is opened, and by verifying it', () => {
  it.each([
    ['the data', `UPDATE events SET data = replace(data, 'content 201', 'content 999') WHERE ${EVENT}`],
    ['the metadata', `UPDATE events SET metadata = replace(metadata, 'platform', 'nobody') WHERE ${EVENT}`],
    ['the id', `UPDATE events SET id = replace(id, '8000', '8001') WHERE ${EVENT}`],
    ['the type', `UPDATE events SET type = 'OrderSold' WHERE ${EVENT}`],
    ['the hash', `UPDATE events SET metadata = replace(metadata, '"hash":"', '"hash":"0') WHERE ${EVENT}`],
    [
      'two events of a stream, swapped',
      `UPDATE events SET revision = 99 WHERE ${EVENT};
       UPDATE events SET revision = 1 WHERE stream_no = 3 AND revision = 2;
       UPDATE events SET revision = 2 WHERE revision = 99`,
    ],
    [
      'the contents of two events, swapped',
      `CREATE TEMP TABLE other AS SELECT * FROM events WHERE position = 9;
       UPDATE events SET (id, data, metadata) = (SELECT e.id, e.data, e.metadata FROM events e WHERE e.position = 8)
         WHERE position = 9;
       UPDATE events SET (id, data, metadata) = (SELECT o.id, o.data, o.metadata FROM other o) WHERE position = 8`,
    ],
  ])('%s', async (_case, damage) => {
    const path = freshPath();
    await damagedStore(path, damage);
    const found = await openBreak(path);
    expect(found).toMatchObject({ stream: 'order-2' });
    expect([1, 2]).toContain(found?.revision);
    expect((await breaksOf(path))[0]).toEqual(found);
  });

  it.each([
    ['an event in the middle of a stream', EVENT, 1, 8],
    ['the first event of a stream', 'stream_no = 3 AND revision = 0', 0, 3],
    ['the last event of a stream', 'stream_no = 3 AND revision = 3', 3, 18],
    ['the end of the log', 'position >= 18', 3, 18],
  ])('%s, deleted', async (_case, which, revision, position) => {
    const path = freshPath();
    await damagedStore(path, `DELETE FROM events WHERE ${which}`);
    expect(await openBreak(path)).toMatchObject({ stream: 'order-2', revision });
    const breaks = await breaksOf(path);
    expect(breaks).toContainEqual(expect.objectContaining({ stream: 'order-2', revision }));
    expect(breaks).toContainEqual(expect.objectContaining({ stream: null, position }));
  });

  it('events of a stream in another order than they follow each other', async () => {
    const path = freshPath();
    await damagedStore(
      path,
      `UPDATE events SET position = 99 WHERE position = 3;
       UPDATE events SET position = 3 WHERE ${EVENT};
       UPDATE events SET position = 8 WHERE position = 99`,
    );
    expect(await openBreak(path)).toMatchObject({ stream: 'order-2', revision: 0, position: 3 });
    const db = get(openForReading(path));
    expect(tailBreak(db, 18)).toEqual({
      stream: 'order-2',
      revision: 0,
      position: 3,
      reason: 'missing: revision 1 is the next',
    });
    db.close();
  });

  it('a stream renamed, or not found by its name', async () => {
    const renamed = freshPath();
    await damagedStore(renamed, `UPDATE streams SET name = 'order-x' WHERE stream_no = 3`);
    expect(await openBreak(renamed)).toMatchObject({ stream: 'order-x', revision: 0 });
    const lost = freshPath();
    await damagedStore(lost, 'UPDATE streams SET name_hash = name_hash + 1 WHERE stream_no = 3');
    expect(await openBreak(lost)).toMatchObject({
      stream: 'order-2',
      reason: 'the stream is not found by its name',
    });
    expect(await breaksOf(lost)).toHaveLength(1);
  });

  it('events added behind the end of the log, and of a stream', async () => {
    const path = freshPath();
    const copy = `SELECT 21, stream_no, 4, id, type, data, metadata FROM events WHERE position = 20`;
    await damagedStore(path, `INSERT INTO events ${copy}`);
    expect(await openBreak(path)).toMatchObject({ stream: 'order-4', revision: 4 });
    expect(await breaksOf(path)).toContainEqual(expect.objectContaining({ stream: null, position: 21 }));
  });

  it('a stream deleted, with and without its events', async () => {
    const orphaned = freshPath();
    await damagedStore(orphaned, 'DELETE FROM streams WHERE stream_no = 3');
    expect(await openBreak(orphaned)).toMatchObject({
      position: 3,
      reason: 'the event belongs to no stream',
    });
    const gone = freshPath();
    await damagedStore(
      gone,
      'DELETE FROM streams WHERE stream_no = 3; DELETE FROM events WHERE stream_no = 3',
    );
    expect(await openBreak(gone)).toMatchObject({
      stream: null,
      position: 3,
      reason: 'no event at this position',
    });
    expect((await breaksOf(gone)).map(({ position }) => position)).toEqual([3, 8, 13, 18]);
  });

  it('one bit of the file, wherever in the content of events it is', async () => {
    const path = freshPath();
    await damagedStore(path, 'SELECT 1');
    const bytes = readFileSync(path);
    const places: number[] = [];
    for (let n = 0; n < 5; n += 1) places.push(bytes.indexOf(`content ${100 * n + 2}"`));
    expect(Math.min(...places)).toBeGreaterThan(0);
    for (const [n, place] of places.entries()) {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(place) ^ 4, place);
      writeFileSync(path, flipped);
      expect(await openBreak(path)).toMatchObject({ stream: `order-${n}`, revision: 2, position: 11 + n });
    }
  });

  it('a file cut short', async () => {
    const path = freshPath();
    await damagedStore(path, 'SELECT 1');
    truncateSync(path, statSync(path).size - 8_192);
    expect(await openBreak(path)).toBeNull();
    expect(await verifySqliteStore(path)).toMatchObject({ left: { _tag: 'StoreDamaged' } });
  });

  it('an index that a crash left damaged, because the whole file is checked then', async () => {
    const path = freshPath();
    await damagedStore(path, 'SELECT 1');
    const db = new DatabaseSync(path);
    const page = Number(
      db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'streams_by_name_hash'").get()?.[
        'rootpage'
      ],
    );
    const pageBytes = Number(db.prepare('PRAGMA page_size').get()?.['page_size']);
    db.close();
    const bytes = readFileSync(path);
    bytes.fill(0, (page - 1) * pageBytes + 8, page * pageBytes);
    writeFileSync(path, bytes);
    writeFileSync(`${path}.holder`, '{}');
    expect(await openBreak(path)).toBeNull();
    expect(await openBreak(path)).toBeNull();
  });

  it('further back than what is checked at every start: by verifying', async () => {
    const path = freshPath();
    const store = await openStore(path);
    const old = new Writer('order-0');
    await append(store, old.next([1, 2, 3]));
    const many = new Writer('order-1');
    for (let n = 0; n < 10_000; n += 1_000) {
      await append(store, many.next(Array.from({ length: 1_000 }, (_, i) => 10 + n + i)));
    }
    await store.close();
    const db = new DatabaseSync(path);
    db.exec(`UPDATE events SET data = replace(data, '"n":2', '"n":7') WHERE position = 2`);
    db.close();
    const again = await openStore(path);
    await append(again, many.next([1]));
    await again.close();
    expect(await breaksOf(path)).toEqual([
      {
        stream: 'order-0',
        revision: 1,
        position: 2,
        reason: 'its hash fits neither its content nor its predecessor',
      },
    ]);
  });
});
