import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isLeft, left } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { decode } from '../../src/eventstore/codec.ts';
import type { RecordedEvent } from '../../src/eventstore/event-store.ts';
import { openForWriting } from '../../src/eventstore/sqlite-schema.ts';
import { openSqliteStore } from '../../src/eventstore/sqlite.ts';
import { verifySqliteStore } from '../../src/eventstore/sqlite-verify.ts';
import { append, describeDurability, describeEventStore, get, readStream } from '../contract/event-store.ts';
import { change, Writer } from './events.ts';
import { openStore, temporaryPaths } from './temporary.ts';

const freshPath = temporaryPaths();

describeEventStore('SQLite', async () => ({ store: await openStore(freshPath()) }));

describeDurability('SQLite', async () => {
  const path = freshPath();
  const store = await openStore(path);
  return {
    store,
    reopen: async () => {
      await store.close();
      return openStore(path);
    },
  };
});

describe('SQLite store', () => {
  const onFatal = (message: string): never => {
    throw new Error(message);
  };
  const refusal = async (path: string) => {
    const opened = await openSqliteStore({ path, onFatal });
    if (!isLeft(opened)) await opened.right.close();
    return opened;
  };

  it('runs with the settings that durability rests on', () => {
    const path = freshPath();
    mkdirSync(dirname(path));
    const db = get(openForWriting(path));
    const setting = (name: string): unknown => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    expect(setting('journal_mode')).toBe('wal');
    expect(setting('synchronous')).toBe(2);
    expect(setting('fullfsync')).toBe(1);
    expect(setting('checkpoint_fullfsync')).toBe(1);
    expect(setting('trusted_schema')).toBe(0);
    expect(setting('mmap_size')).toBe(0);
    expect(setting('busy_timeout')).toBe(5000);
    const tables = db.prepare("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").all();
    const ours = tables.filter(({ name }) => !String(name).startsWith('sqlite_'));
    expect(ours).not.toHaveLength(0);
    expect(ours.every(({ strict }) => strict === 1)).toBe(true);
    db.close();
  });

  it('goes on with a file of another page size', async () => {
    const path = freshPath();
    const writer = new Writer('order-a');
    const first = await openStore(path);
    await append(first, writer.next([1]));
    await first.close();
    const pageSize = (sql = ''): unknown => {
      const db = new DatabaseSync(path);
      db.exec(sql);
      const bytes = db.prepare('PRAGMA page_size').get()?.['page_size'];
      db.close();
      return bytes;
    };
    expect(pageSize()).toBe(8192);
    expect(pageSize('PRAGMA journal_mode = DELETE; PRAGMA page_size = 4096; VACUUM')).toBe(4096);
    const store = await openStore(path);
    await append(store, writer.next([2, 3]));
    expect(await readStream(store, 'order-a')).toHaveLength(3);
    await store.close();
    expect(pageSize()).toBe(4096);
    expect(get(await verifySqliteStore(path))).toBeTruthy();
  });

  it('is refused when a setting is not taken', () => {
    const refused = openForWriting(':memory:');
    expect(refused).toEqual(
      left({ _tag: 'StoreRefused', message: 'SQLite did not take journal_mode = WAL (it says memory)' }),
    );
  });

  it('makes its folder for its owner alone, and leaves nothing but the database when it is closed', async () => {
    const path = freshPath();
    const store = await openStore(path);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    await append(store, new Writer('order-1').next([1]));
    expect(existsSync(`${path}.holder`)).toBe(true);
    await store.close();
    expect(readdirSync(dirname(path)).toSorted()).toEqual(['events.db', 'events.db.lock']);
  });

  it('numbers positions from 1 without a gap, whatever was refused in between', async () => {
    const store = await openStore(freshPath());
    const writer = new Writer('order-1');
    await append(store, writer.next([1, 2]));
    const conflict = { ...writer.peek([9]).append, expectedRevision: 7 };
    await Promise.all([
      store.append([conflict])(),
      store.append([writer.next([3])])(),
      store.append([conflict])(),
    ]);
    await append(store, new Writer('order-2').next([4]));
    const page = get(await store.readAll({ after: 0, limit: 10 })());
    expect(page.events.map(({ position }) => position)).toEqual([1, 2, 3, 4]);
    expect(page).toMatchObject({ next: 4, atEnd: true });
    expect(get(await store.head()())).toBe(4);
    await store.close();
  });

  it('cuts a page that would hold too much text, and goes on after it', async () => {
    const store = await openStore(freshPath());
    const writer = new Writer('order-1');
    for (let n = 0; n < 6; n += 1) {
      await append(
        store,
        writer.next([n], (id) => change(id, 'x'.repeat(8 * 1024 * 1024))),
      );
    }
    const first = get(await store.readAll({ after: 0, limit: 100 })());
    expect(first.events.length).toBeLessThan(6);
    expect(first).toMatchObject({ next: first.events.length, atEnd: false });
    const second = get(await store.readAll({ after: first.next, limit: 100 })());
    expect(first.events.length + second.events.length).toBe(6);
    expect(second.atEnd).toBe(true);
    await store.close();
  });

  it('hands live subscribers what was appended itself, so that decoding it parses nothing', async () => {
    const store = await openStore(freshPath());
    const seen: RecordedEvent[] = [];
    const caughtUp = Promise.withResolvers<void>();
    const handed = Promise.withResolvers<void>();
    store.subscribe({
      after: 0,
      batchMax: 10,
      onCaughtUp: caughtUp.resolve,
      onEvents: async (events) => {
        seen.push(...events);
        handed.resolve();
      },
      onFailure: handed.reject,
    });
    await caughtUp.promise;
    const event = change(1);
    const batch = new Writer('order-1').next([1], () => event);
    await append(store, batch);
    await handed.promise;
    expect(seen[0]?.event).toBe(batch.events[0]);
    expect(get(decode(seen[0] as RecordedEvent)).event).toBe(event);
    await store.close();
  });

  it('is verified while it is being written to', async () => {
    const path = freshPath();
    const store = await openStore(path);
    const writer = new Writer('order-1');
    await append(store, writer.next(Array.from({ length: 3_000 }, (_, n) => n)));
    const progress: [number, number][] = [];
    const verifying = verifySqliteStore(path, (done, all) => progress.push([done, all]));
    await append(store, writer.next([5_000, 5_001]));
    expect(get(await verifying)).toMatchObject({ streams: 1, events: 3_000, breaks: [] });
    expect(progress.at(-1)).toEqual([3_000, 3_000]);
    expect(get(await verifySqliteStore(path))).toMatchObject({ streams: 1, events: 3_002, breaks: [] });
    expect(await readStream(store, 'order-1')).toHaveLength(1_000);
    await store.close();
    expect(get(await verifySqliteStore(path)).events).toBe(3_002);
  });

  it('refuses a database of a newer Callboard', async () => {
    const path = freshPath();
    await (await openStore(path)).close();
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 3');
    db.close();
    const message = `${path} has schema version 3; this Callboard knows up to 2: start a newer one`;
    expect(await refusal(path)).toEqual(left({ _tag: 'StoreRefused', message }));
    expect(await verifySqliteStore(path)).toEqual(left({ _tag: 'StoreRefused', message }));
  });

  it('refuses databases that are not its own, and leaves them as they are', async () => {
    const path = freshPath();
    mkdirSync(dirname(path));
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE somebody (elses TEXT)');
    db.close();
    const message = `${path} is not an event store of Callboard`;
    expect(await refusal(path)).toEqual(left({ _tag: 'StoreRefused', message }));
    expect(await verifySqliteStore(path)).toEqual(left({ _tag: 'StoreRefused', message }));
    expect(readdirSync(dirname(path)).toSorted()).toEqual(['events.db', 'events.db.lock']);
  });

  it('refuses a file that is no database', async () => {
    const path = freshPath();
    mkdirSync(dirname(path));
    writeFileSync(path, 'not a database '.repeat(1_000));
    expect(await refusal(path)).toMatchObject(left({ _tag: 'StoreDamaged' }));
  });

  it('says so when its folder cannot be made', async () => {
    const path = freshPath();
    writeFileSync(dirname(path), 'a file where the folder should be');
    expect(await refusal(path)).toMatchObject(left({ _tag: 'StoreRefused' }));
  });
});
