import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { decideAccount, initialAccount } from '../../src/domain/account.ts';
import { streamOf } from '../../src/domain/ids.ts';
import { lastRestoration } from '../../src/eventstore/restorations.ts';
import { backUp, checkCopy, copySnapshot, labelOf } from '../../src/eventstore/sqlite-backup.ts';
import { highestNumber, markRestored } from '../../src/eventstore/sqlite-restore.ts';
import { verifySqliteStore } from '../../src/eventstore/sqlite-verify.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { checkLog } from '../../src/migration/check-log.ts';
import { compareLogs } from '../../src/migration/compare-logs.ts';
import { copyLog } from '../../src/migration/copy-log.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { AT_MS, CAUSE, resourceStream, Writer } from './events.ts';
import { openStore, temporaryPaths } from './temporary.ts';

const pathOf = temporaryPaths();
const STORE_ID = 'ab'.repeat(16);

const got = <A>(either: Either<unknown, A>): A => {
  if (isLeft(either)) throw new Error(JSON.stringify(either.left));
  return either.right;
};

let path: string;
let backup: string;

/** Forty events of changes in twenty streams, two of them an account's. */
beforeEach(async () => {
  path = pathOf();
  backup = pathOf();
  mkdirSync(dirname(backup));
  const store = await openStore(path);
  const writers = Array.from({ length: 19 }, (_, n) => new Writer(resourceStream('event', n)));
  for (const round of [1, 2]) {
    for (const [n, writer] of writers.entries()) got(await store.append([writer.next([round * 100 + n])])());
  }
  const account = new Writer(streamOf.account(CAUSE.companyId));
  const { companyId } = CAUSE;
  const opened = account.next([900], () => ({ type: 'AccountOpened', companyId, atMs: AT_MS }));
  got(await store.append([opened])());
  const issued = account.next([901], () => ({ type: 'IdsIssued', first: 1, count: 41, atMs: AT_MS + 5 }));
  got(await store.append([issued])());
  await store.close();
});

const back = (to = backup) => backUp({ from: path, to, nowMs: AT_MS + 1_000, keyId: 'abcd0123' });

const restored = async (file = backup, nowMs = AT_MS + 2_000) => {
  const target = pathOf();
  mkdirSync(dirname(target));
  got(copySnapshot(file, target));
  const { storeId: copyOf, ...end } = got(await checkCopy(target));
  const numbersKnown = highestNumber(path);
  const given = { path: target, takenAtMs: AT_MS + 1_000, copyOf, end, nowMs, numbersKnown };
  const record = got(markRestored({ ...given, eventId: guidOf(nowMs % 1_000_000), storeId: STORE_ID }));
  return { target, record };
};

describe('a backup', () => {
  it('holds the log, says where it ends, and is for its owner only', async () => {
    const label = got(await back());
    expect(label).toMatchObject({ takenAtMs: AT_MS + 1_000, keyId: 'abcd0123' });
    expect(label.end).toMatchObject({ position: 40, events: 40 });
    expect(label.end.last).toMatchObject({ stream: streamOf.account(CAUSE.companyId), revision: 1 });
    expect(got(labelOf(backup))).toEqual(label);
    expect(got(labelOf(path))).toBeUndefined();
    expect(statSync(backup).mode & 0o777).toBe(0o600);
    expect(existsSync(`${backup}.partial`)).toBe(false);
    const { storeId: _storeId, ...end } = got(await checkCopy(backup));
    expect(end).toEqual(label.end);
  });

  it('takes in what is still in the write-ahead log, of one moment, while a server writes', async () => {
    const store = await openStore(path);
    const writer = new Writer(resourceStream('event', 'more'));
    for (let n = 0; n < 50; n += 1) got(await store.append([writer.next([2_000 + n])])());
    const writing = (async () => {
      for (let n = 50; n < 100; n += 1) got(await store.append([writer.next([2_000 + n])])());
    })();
    const label = got(await back());
    await writing;
    await store.close();
    expect(label.end.events).toBeGreaterThanOrEqual(90);
    expect(label.end.events).toBeLessThanOrEqual(140);
    expect(label.end.position).toBe(label.end.events);
  });

  it('never takes the place of a file, nor leaves one when it fails', async () => {
    got(await back());
    const bytes = readFileSync(backup);
    expect(isLeft(await back())).toBe(true);
    expect(readFileSync(backup)).toEqual(bytes);
    expect(existsSync(`${backup}.partial`)).toBe(false);

    const db = new DatabaseSync(path);
    db.exec(`UPDATE events SET data = data || ' ' WHERE position = 7`);
    db.close();
    const other = `${backup}-2`;
    expect(await back(other)).toMatchObject({
      left: { _tag: 'StoreDamaged', message: expect.stringContaining('(position 7)') as string },
    });
    expect(existsSync(other) || existsSync(`${other}.partial`)).toBe(false);
    expect(isLeft(await back(`${backup}/no/folder`))).toBe(true);
  });

  it.each([
    ['an event altered', `UPDATE events SET data = data || ' ' WHERE position = 3`],
    ['an event moved to another id', `UPDATE events SET id = '${guidOf(5)}' WHERE position = 3`],
    ['an event gone', 'DELETE FROM events WHERE position = 12'],
    ['the last event gone', 'DELETE FROM events WHERE position = 40'],
    ['a stream that nobody finds', `UPDATE streams SET name_hash = 1 WHERE stream_no = 2`],
    ['the head moved on', 'UPDATE log SET head = 41'],
    ['a gap that no restoration speaks of', 'UPDATE events SET position = 99 WHERE position = 40'],
  ])('is not taken with %s', async (_what, sql) => {
    got(await back());
    const damaged = pathOf();
    mkdirSync(dirname(damaged));
    copyFileSync(backup, damaged);
    const db = new DatabaseSync(damaged);
    db.exec(sql);
    db.close();
    expect(await checkCopy(damaged)).toMatchObject({ left: { _tag: 'StoreDamaged' } });
  });
});

describe('a restored log', () => {
  it('goes on behind all that the lost part can have given out, and can be read, verified and backed up', async () => {
    got(await back());
    const { target, record } = await restored();
    const position = (AT_MS + 2_000) * 100;
    expect(record.numbersFrom).toBe(Math.floor((AT_MS + 2_000 - Date.UTC(2026, 0, 1)) / 1000));
    const store = await openStore(target);
    expect(store.id).toBe(STORE_ID);
    expect(await store.head()()).toEqual({ _tag: 'Right', right: position });
    expect(got(await lastRestoration(store))).toEqual(record);
    const writer = new Writer(resourceStream('shop', 'new'));
    expect(got(await store.append([writer.next([5_000, 5_001])])())).toEqual([
      { revision: 1, position: position + 2 },
    ]);
    // From any place on, also inside of what was left out, and with a filter.
    const positions = async (after: number, streamPrefixes?: string[]): Promise<number[]> => {
      const page = got(
        await store.readAll({
          after,
          limit: 100,
          ...(streamPrefixes !== undefined && { filter: { streamPrefixes } }),
        })(),
      );
      if (page.atEnd) return page.events.map((event) => event.position);
      return [...page.events.map((event) => event.position), ...(await positions(page.next, streamPrefixes))];
    };
    const behind = [position, position + 1, position + 2];
    expect(await positions(0)).toEqual([...Array.from({ length: 40 }, (_, n) => n + 1), ...behind]);
    expect(await positions(40)).toEqual(behind);
    expect(await positions(1_000_000)).toEqual(behind);
    expect(await positions(38, ['shop-'])).toEqual(behind.slice(1));
    await store.close();
    expect(got(await verifySqliteStore(target))).toMatchObject({ events: 43, breaks: [] });
    // Opened again after a crash, its end is checked.
    const again = await openStore(target);
    await again.close();
    const second = `${backup}-2`;
    expect(got(await backUp({ from: target, to: second, nowMs: AT_MS, keyId: null })).end).toMatchObject({
      position: position + 2,
      events: 43,
    });
  });

  it('takes its record along to another store', async () => {
    got(await back());
    const { target, record } = await restored();
    const store = await openStore(target);
    const copy = openMemoryStore();
    got(await copyLog(store, copy, { beforeCopying: async () => right(undefined) }));
    expect(got(await lastRestoration(copy))).toEqual(record);
    expect(got(await compareLogs(store, copy, 41))).toMatchObject({ events: 41 });
    expect(got(await checkLog(copy, { breaksMax: 1 }))).toMatchObject({ events: 41, breaks: [] });
    await copy.close();
    const file = pathOf();
    const other = await openStore(file);
    got(await copyLog(store, other, { beforeCopying: async () => right(undefined) }));
    await other.close();
    await store.close();
    expect(got(await verifySqliteStore(file))).toMatchObject({ events: 41, breaks: [] });
  });

  it('restored twice from one copy goes on at different places', async () => {
    got(await back());
    const first = await restored();
    const second = await restored(backup, AT_MS + 9_000);
    expect(second.record.numbersFrom).toBeGreaterThan(first.record.numbersFrom);
    const store = await openStore(second.target);
    expect(got(await store.head()())).toBe((AT_MS + 9_000) * 100);
    await store.close();
    const twice = await restored(first.target, AT_MS + 5_000);
    const events = got(await verifySqliteStore(twice.target));
    expect(events).toMatchObject({ events: 42, breaks: [] });
  });

  it('believes neither a clock that is behind nor one that says less than is known to be given out', async () => {
    got(await back());
    const { record } = await restored(backup, 1_000);
    expect(record.atMs).toBe(AT_MS + 5);
    const early = Date.UTC(2026, 0, 1) + 20_000;
    const db = new DatabaseSync(path);
    db.exec(`UPDATE events SET data = '{"first":900000000,"count":5,"atMs":1}' WHERE position = 40`);
    db.close();
    expect(highestNumber(path)).toBe(900_000_004);
    expect((await restored(backup, early)).record.numbersFrom).toBe(900_000_005);
  });

  it('without its record is a log with a gap', async () => {
    got(await back());
    const { target } = await restored();
    const db = new DatabaseSync(target);
    db.exec(
      `UPDATE events SET data = replace(data, '"position":40', '"position":39') WHERE type = 'StoreRestored'`,
    );
    db.close();
    const { breaks } = got(await verifySqliteStore(target));
    expect(breaks).toMatchObject([
      { position: 41, reason: expect.stringContaining('no events from here') as string },
      { stream: 'callboard-restored', revision: 0 },
    ]);
  });
});

describe('numbers of an account', () => {
  it('begin behind those that a lost part may have given out', () => {
    const issue = (from?: number) =>
      decideAccount(initialAccount, {
        type: 'IssueIds',
        companyId: CAUSE.companyId,
        count: 3,
        ...(from !== undefined && { from }),
        atMs: AT_MS,
      });
    expect(issue()).toMatchObject({ right: [{}, { type: 'IdsIssued', first: 1, count: 3 }] });
    expect(issue(500)).toMatchObject({ right: [{}, { type: 'IdsIssued', first: 500, count: 3 }] });
    expect(issue(0)).toMatchObject({ right: [{}, { type: 'IdsIssued', first: 1, count: 3 }] });
  });
});
