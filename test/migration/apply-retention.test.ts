import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isLeft } from 'fp-ts/lib/Either.js';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Accounts } from '../../src/commands/accounts.ts';
import { emptyHead, seal } from '../../src/eventstore/codec.ts';
import { readRemovals, type Removal } from '../../src/eventstore/removals.ts';
import { backUp, checkCopy } from '../../src/eventstore/sqlite-backup.ts';
import type { SqliteStore } from '../../src/eventstore/sqlite.ts';
import { type Verification, verifySqliteStore } from '../../src/eventstore/sqlite-verify.ts';
import { get } from '../contract/event-store.ts';
import { change, Writer } from '../eventstore/events.ts';
import { openStore, temporaryPaths } from '../eventstore/temporary.ts';
import { DAY_MS, SETTLED } from './invocation-history.ts';
import {
  accountsOf,
  COMPANIES,
  goOn,
  keep,
  left,
  MARK,
  newId,
  NOW_MS,
  OLD_MS,
  retain,
  sealAll,
  write,
} from './retained.ts';

const freshPath = temporaryPaths();
const [A, B, C] = COMPANIES;
let path: string;
let store: SqliteStore;
beforeEach(async () => {
  path = freshPath();
  store = await openStore(path);
});

const verified = async (): Promise<Verification> => get(await verifySqliteStore(path));
const closed = async (): Promise<void> => store.close();

/** With the server down, as somebody who can write the file. */
const tamper = async (...statements: ReadonlyArray<string>): Promise<Verification> => {
  await store.close();
  const db = new DatabaseSync(path);
  for (const statement of statements) db.exec(statement);
  db.close();
  return verified();
};

describe('retention in the embedded store', () => {
  it('removes what a company does not keep but for the last event, and nothing else', async () => {
    const gone: string[] = [];
    let n = 0;
    for (const life of SETTLED) gone.push(await write(store, (n += 1), { life }));
    const kept = [
      await write(store, (n += 1), { life: 'waiting' }),
      await write(store, (n += 1), { life: 'askedAgain' }),
      await write(store, (n += 1), { life: 'inFlight' }),
      await write(store, (n += 1), { company: B }),
      await write(store, (n += 1), { company: C }),
      await write(store, n + 1, { atMs: NOW_MS - 80 * DAY_MS }),
    ];
    await keep(store, A, 3);
    await keep(store, C, 12);
    const before = await Promise.all(kept.map((stream) => left(store, stream)));
    const planned = await retain(store, { apply: false });
    const done = await retain(store);
    expect(done.companies).toEqual(planned.companies);
    expect(done.companies).toMatchObject([{ company: A, streams: gone.length }]);
    for (const stream of gone) {
      expect((await left(store, stream)).length).toBe(1);
      expect(get((await store.removedAtMs?.(stream)()) ?? { _tag: 'Right', right: undefined })).toBe(NOW_MS);
    }
    expect(await Promise.all(kept.map((stream) => left(store, stream)))).toEqual(before);
    const account = get(await accountsOf(store).get(A));
    const [summed] = done.companies;
    expect(account?.removed).toMatchObject({ streams: 5, events: summed?.events, bytes: summed?.bytes });
    expect((await retain(store)).companies).toEqual([]);
    expect((await verified()).breaks).toEqual([]);
    expect((await verified()).removed).toEqual({ streams: 5, events: summed?.events, pinned: 1 });
    await closed();
  });

  it('overwrites what goes', async () => {
    for (let n = 0; n < 30; n += 1) await write(store, n);
    await keep(store, A, 3);
    await store.close();
    const read = (): string => readFileSync(path, 'latin1');
    expect(read().includes(MARK)).toBe(true);
    store = await openStore(path);
    await retain(store);
    await closed();
    expect(read().includes(MARK)).toBe(false);
  });

  it('keeps seals that can be checked, also where one ends with what is gone', async () => {
    const streams: string[] = [];
    for (let n = 0; n < 6; n += 1)
      streams.push(await write(store, n, { life: 'retried', upTo: 1 + (n % 4) }));
    // Seals of 5 events end anywhere in the lives of invocations.
    await sealAll(store, 5);
    for (const stream of streams) await goOn(store, stream, { life: 'retried' });
    await keep(store, A, 3);
    await sealAll(store, 5);
    const whole = await verified();
    expect([whole.breaks, whole.seals.thinned]).toEqual([[], 0]);
    expect((await retain(store, { isSealing: true })).companies).toMatchObject([{ streams: 6 }]);
    const thinned = await verified();
    expect(thinned.breaks).toEqual([]);
    expect(thinned.seals.holding).toBe(whole.seals.holding);
    expect(thinned.seals.thinned).toBeGreaterThan(3);
    await sealAll(store);
    expect((await verified()).breaks).toEqual([]);
    const [leaves] = [await sealedLeaves()];
    expect(leaves).toBeGreaterThan(0);
    const forged = await tamper("UPDATE removed_leaves SET hash = replace(hash, substr(hash, 1, 1), 'x')");
    expect(forged.breaks.map(({ reason }) => reason).join()).toContain('does not hold');
  });

  const sealedLeaves = async (): Promise<number> => {
    const removals: Removal[] = [];
    get(await readRemovals(store, (removal) => removals.push(removal)));
    return removals.flatMap(({ sealed }) => sealed ?? []).length;
  };

  it('takes only what is sealed while somebody seals', async () => {
    await keep(store, A, 3);
    await write(store, 1);
    const none = await retain(store, { isSealing: true });
    expect([none.companies, none.unsealed]).toEqual([[], 1]);
    await sealAll(store);
    await write(store, 2);
    const one = await retain(store, { isSealing: true });
    expect([one.companies[0]?.streams, one.unsealed]).toEqual([1, 1]);
    expect((await verified()).breaks).toEqual([]);
    await closed();
  });

  it('waits for a day after the policy was set', async () => {
    await write(store, 1);
    await keep(store, A, 3);
    expect((await retain(store, { nowMs: OLD_MS + DAY_MS - 1 })).companies).toEqual([]);
    expect((await retain(store)).companies.length).toBe(1);
    await closed();
  });

  it('takes nothing of a stream that is written to meanwhile, and lets nobody write to one without beginning', async () => {
    const [retried, other] = [await write(store, 1), await write(store, 2)];
    await keep(store, A, 3);
    const real = store.remove;
    let raced = false;
    const removing = {
      ...store,
      remove: ((record, removals) => async () => {
        if (!raced) await goOn(store, retried, { life: 'askedAgain' });
        raced = true;
        return real(record, removals)();
      }) as SqliteStore['remove'],
    };
    expect((await retain(store, { store: removing })).companies).toMatchObject([{ streams: 1 }]);
    expect(await left(store, retried)).toEqual([0, 1, 2, 3]);
    expect(await left(store, other)).toEqual([2]);
    for (const revision of [-1, 0, 2]) {
      const head = { revision, hash: emptyHead(other).hash };
      const { append } = seal(other, head, [{ id: newId(), event: change(1) }], {
        correlationId: newId(),
        causationId: newId(),
        actor: 'x',
        companyId: A,
      });
      expect(await store.append([append])()).toMatchObject({
        left: { _tag: 'WrongExpectedRevision', stream: other, actual: 2 },
      });
    }
    await store.close();
    store = await openStore(path);
    expect((await verified()).breaks).toEqual([]);
    await closed();
  });

  it('tells accounts in the next run what a run that was killed has removed', async () => {
    for (let n = 0; n < 250; n += 1) await write(store, n, { company: n % 3 === 0 ? B : A });
    await keep(store, A, 3);
    await keep(store, B, 3);
    const failing = { get: accountsOf(store).get.bind(accountsOf(store)) };
    for (const told of [0, 1]) {
      let notes = 0;
      const accounts = accountsOf(store);
      const dying = {
        get: (company: string) => failing.get(company),
        noteRetention: ((company, applied, cause) =>
          (notes += 1) > told
            ? Promise.resolve({ _tag: 'Left', left: { _tag: 'Killed' } })
            : accounts.noteRetention(company, applied, cause)) as Accounts['noteRetention'],
      };
      await expect(retain(store, { accounts: dying })).rejects.toThrow('Killed');
    }
    await retain(store);
    const totals = await Promise.all(
      [A, B].map(async (company) => get(await accountsOf(store).get(company))?.removed?.streams),
    );
    expect(totals).toEqual([166, 84]);
    expect((await verified()).removed).toMatchObject({ streams: 250 });
    expect((await verified()).breaks).toEqual([]);
    await closed();
  });

  it('is backed up as it is, and the copy is sound', async () => {
    const writer = new Writer('event-x');
    await write(store, 1);
    await store.append([writer.next([1])])();
    await keep(store, A, 3);
    await retain(store);
    const to = `${path}.copy`;
    get(await backUp({ from: path, to, nowMs: NOW_MS, keyId: null }));
    expect(isLeft(await checkCopy(to))).toBe(false);
    expect(readFileSync(to, 'latin1').includes(MARK)).toBe(false);
    await closed();
  });

  describe('is not a way to take out more', () => {
    beforeEach(async () => {
      for (let n = 0; n < 5; n += 1) await write(store, n);
      await write(store, 5, { life: 'waiting' });
      await keep(store, A, 3);
      await sealAll(store);
      await retain(store);
    });
    const reasons = async (...statements: ReadonlyArray<string>): Promise<string> =>
      (await tamper(...statements)).breaks.map(({ reason }) => reason).join('; ');

    it.each([
      [
        'an event that no record names',
        "DELETE FROM events WHERE type = 'RetentionSet'",
        'no event at this position',
      ],
      [
        'the same, with its position among those that went',
        "INSERT INTO removed_positions SELECT position FROM events WHERE type = 'RetentionSet'; DELETE FROM events WHERE type = 'RetentionSet'",
        'more or less counts as removed than was recorded',
      ],
      [
        'what remains of a stream',
        "DELETE FROM events WHERE type = 'InvocationDelivered'",
        'missing at the end',
      ],
      ['a record', "DELETE FROM events WHERE type = 'BeginningsRemoved'", 'missing at the end'],
      [
        'a record with all that tells of it',
        "DELETE FROM events WHERE type = 'BeginningsRemoved'; DELETE FROM streams WHERE name = 'callboard-removed'; UPDATE removals SET record = 0",
        'which is not there as it was',
      ],
      ['a hash', "UPDATE removals SET hash = replace(hash, 'a', 'b')", 'is not what was recorded'],
      ['where it stood', "UPDATE removals SET steps = '[1,1]'", 'is not what was recorded'],
    ])('%s', async (_what, statement, reason) => {
      expect((await verified()).breaks).toEqual([]);
      expect(await reasons(statement)).toContain(reason);
    });
  });
});
