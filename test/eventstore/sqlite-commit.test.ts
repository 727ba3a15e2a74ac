import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { type Committer, openCommitter } from '../../src/eventstore/sqlite-commit.ts';
import { openForWriting } from '../../src/eventstore/sqlite-schema.ts';
import { tailBreak } from '../../src/eventstore/sqlite-tail.ts';
import { get } from '../contract/event-store.ts';
import { change, Writer } from './events.ts';
import { temporaryPaths } from './temporary.ts';

const freshPath = temporaryPaths();

const open = (): { readonly db: DatabaseSync; readonly committer: Committer } => {
  const path = freshPath();
  mkdirSync(dirname(path));
  const db = get(openForWriting(path));
  return { db, committer: openCommitter(db) };
};

const positions = (db: DatabaseSync): ReadonlyArray<unknown> =>
  db
    .prepare('SELECT position FROM events ORDER BY position')
    .all()
    .map(({ position }) => position);

const numbers = (count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, index) => index + 1);

describe('group commit', () => {
  it('lets every request of a group succeed or fail by itself', () => {
    const { db, committer } = open();
    const [a, b] = [new Writer('order-a'), new Writer('order-b')];
    const first = a.next([1, 2]);
    const wrong = { ...b.peek([3]).append, expectedRevision: 4 };
    const { answers, fatal } = committer.commit([[first], [wrong], [first], [b.next([4]), a.next([5])]]);
    expect(fatal).toBeUndefined();
    expect(answers).toEqual([
      [1, 2],
      { _tag: 'WrongExpectedRevision', stream: 'order-b', expected: 4, actual: -1 },
      [1, -2],
      [0, 3, 2, 4],
    ]);
    expect(positions(db)).toEqual([1, 2, 3, 4]);
    expect(tailBreak(db, 100)).toBeUndefined();
    db.close();
  });

  it('stores nothing when the disk is full, and goes on without a gap when there is room', () => {
    const { db, committer } = open();
    const writer = new Writer('order-a');
    committer.commit([[writer.next([1])]]);
    const pages = Number(db.prepare('PRAGMA page_count').get()?.['page_count']);
    const pageBytes = Number(db.prepare('PRAGMA page_size').get()?.['page_size']);
    db.exec(`PRAGMA max_page_count = ${pages + Math.ceil(80_000 / pageBytes)}`);
    const large = (n: number) => [new Writer(`order-${n}`).next([n], (id) => change(id, 'x'.repeat(30_000)))];
    expect(committer.commit([large(1)]).answers).toEqual([[0, 2]]);
    const full = committer.commit([[writer.peek([2]).append], large(2), large(3)]);
    const unavailable = { _tag: 'StoreUnavailable', message: expect.stringContaining('full') as string };
    expect(full).toEqual({ answers: [unavailable, unavailable, unavailable] });
    expect(positions(db)).toEqual([1, 2]);
    expect(committer.commit([[writer.next([2])]]).answers).toEqual([[1, 3]]);

    db.exec(`PRAGMA max_page_count = ${pages + 1_000}`);
    expect(committer.commit([large(2), large(3)]).answers).toEqual([
      [0, 4],
      [0, 5],
    ]);
    expect(positions(db)).toEqual([1, 2, 3, 4, 5]);
    expect(tailBreak(db, 100)).toBeUndefined();
    db.close();
  });

  it('waits for nobody for ever: a visitor who holds the database makes it unavailable, not broken', () => {
    const { db, committer } = open();
    const path = db.location() ?? '';
    const visitor = get(openForWriting(path));
    db.exec('PRAGMA busy_timeout = 0');
    visitor.exec('BEGIN IMMEDIATE');
    const writer = new Writer('order-a');
    const request = [writer.next([1])];
    expect(committer.commit([request])).toEqual({
      answers: [{ _tag: 'StoreUnavailable', message: 'SQLite: database is locked' }],
    });
    visitor.exec('ROLLBACK');
    expect(committer.commit([request])).toEqual({ answers: [[0, 1]] });
    visitor.close();
    db.close();
  });

  it('calls any other error fatal, and says that nothing was stored', () => {
    const { db, committer } = open();
    db.exec('DROP TABLE log');
    const { answers, fatal } = committer.commit([[new Writer('order-a').next([1])]]);
    expect(fatal).toMatch(/^SQLite: /);
    expect(answers).toEqual([{ _tag: 'StoreUnavailable', message: fatal }]);
    db.close();
  });

  it('remembers streams that are no longer in memory', () => {
    const { db, committer } = open();
    const writers = numbers(300).map((n) => new Writer(`order-${n}`));
    committer.commit(writers.map((writer) => [writer.next([1])]));
    const again = openCommitter(db);
    expect(again.head).toBe(300);
    const { answers } = again.commit(writers.map((writer) => [writer.next([2])]));
    expect(answers).toEqual(writers.map((_, index) => [1, 301 + index]));
    expect(tailBreak(db, 1_000)).toBeUndefined();
    db.close();
  });

  it('tells streams apart whose names have the same hash', () => {
    const { db, committer } = open();
    committer.commit([[new Writer('order-b').next([2])], [new Writer('order-a').next([1])]]);
    const hashOf = "(SELECT name_hash FROM streams WHERE name = 'order-a')";
    db.exec(`UPDATE streams SET name_hash = ${hashOf}`);
    const again = openCommitter(db);
    expect(again.commit([[new Writer('order-a').next([1])]]).answers).toEqual([[0, -2]]);
    db.close();
  });
});
