import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLeft, right } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KeyKeeper } from '../../src/eventstore/key-ring.ts';
import { holdsBoxes, keysOf, keysPath, openKeysFile } from '../../src/eventstore/sqlite-keys-file.ts';
import { openSqliteKeys, readSqliteKeys } from '../../src/eventstore/sqlite-keys.ts';
import { openSqliteStore } from '../../src/eventstore/sqlite.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callboard-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const path = (): string => join(folder, 'events.db');
const subjectOf = (number: number): string => number.toString(16).padStart(32, '0');
/** As long as a wrapped key is. */
const wrappedOf = (number: number): string => `v1.key.${number}`.padEnd(93, `-${number}`);

const open = async (): Promise<KeyKeeper> => {
  const store = await openSqliteStore({ path: path(), onFatal: () => undefined });
  if (isLeft(store)) throw new Error(store.left.message);
  await store.right.close();
  const keeper = openSqliteKeys(path());
  if (isLeft(keeper)) throw new Error(keeper.left);
  return keeper.right;
};

/** In which of the files beside the store the text stands. */
const filesWith = (text: string): ReadonlyArray<string> =>
  readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(text));

describe('keys of customers in a file', () => {
  it('are there again, for their owner only', async () => {
    const keeper = await open();
    expect(keeper.newest(subjectOf(1))).toBeUndefined();
    expect(await keeper.make([{ subject: subjectOf(1), wrapped: wrappedOf(1) }])).toEqual(right(undefined));
    // One that is in use is kept.
    await keeper.make([{ subject: subjectOf(1), wrapped: wrappedOf(2) }]);
    expect(keeper.wrapped(subjectOf(1), 1)).toBe(wrappedOf(1));
    await keeper.close();
    expect(statSync(keysPath(path())).mode & 0o777).toBe(0o600);
    const again = await open();
    expect(again.newest(subjectOf(1))).toEqual({ generation: 1, isForgotten: false });
    const reading = readSqliteKeys(path());
    expect(reading?.wrapped(subjectOf(1), 1)).toBe(wrappedOf(1));
    await reading?.close();
    await again.close();
  });

  it('leave no byte once they are forgotten, while others come and go', async () => {
    const keeper = await open();
    for (let page = 0; page < 30; page += 1) {
      const numbers = Array.from({ length: 100 }, (_, index) => (page * 100 + index) * 7919);
      await keeper.make(
        numbers.map((number) => ({ subject: subjectOf(number), wrapped: wrappedOf(number) })),
      );
    }
    const gone = [0, 1, 99, 100, 1499, 2998, 2999].map((index) => index * 7919);
    for (const number of gone) {
      expect(filesWith(wrappedOf(number))).not.toEqual([]);
      expect(await keeper.forget(subjectOf(number), 1)).toEqual(right(undefined));
      // Now, and not only after a stop.
      expect(filesWith(wrappedOf(number))).toEqual([]);
      expect(keeper.newest(subjectOf(number))).toEqual({ generation: 1, isForgotten: true });
      expect(keeper.wrapped(subjectOf(number), 1)).toBeUndefined();
    }
    await keeper.make([{ subject: subjectOf(0), wrapped: wrappedOf(1) }]);
    expect(keeper.newest(subjectOf(0))).toEqual({ generation: 2, isForgotten: false });
    expect(keeper.wrapped(subjectOf(0), 1)).toBeUndefined();
    await keeper.close();
    expect(gone.flatMap((number) => filesWith(wrappedOf(number)))).toEqual([]);
    expect(keysOf(path()).filter(({ wrapped }) => wrapped !== null)).toHaveLength(3000 - gone.length + 1);
  });

  it('that are asked for side by side are all answered, in order', async () => {
    const keeper = await open();
    const made = await Promise.all(
      Array.from({ length: 600 }, (_, number) =>
        keeper.make([{ subject: subjectOf(number % 300), wrapped: wrappedOf(number) }]),
      ),
    );
    expect(made.filter(isLeft)).toEqual([]);
    expect(keysOf(path())).toHaveLength(300);
    expect(keeper.wrapped(subjectOf(7), 1)).toBe(wrappedOf(7));
    await keeper.close();
  });

  it('that were forgotten before they were heard of are not brought in by a later copy', () => {
    const id = `${subjectOf(1)}.1`;
    const file = openKeysFile(keysPath(path()));
    file.merge([], new Set([id]));
    expect(file.knows(subjectOf(1), 1)).toBe(true);
    const subject = Buffer.from(subjectOf(1), 'hex');
    file.merge([{ subject, generation: 1, wrapped: wrappedOf(1) }], new Set());
    expect(file.wrapped(subjectOf(1), 1)).toBeUndefined();
    file.close();
    expect(filesWith(wrappedOf(1))).toEqual([]);
  });

  it('are not missed in a log whose reports have fields of such names', async () => {
    const store = await openSqliteStore({ path: path(), onFatal: () => undefined });
    if (isLeft(store)) throw new Error(store.left.message);
    const stored = async (stream: string, data: unknown) =>
      store.right.append([
        {
          stream,
          expectedRevision: -1,
          events: [
            {
              id: '00000000-0000-4000-8000-000000000001',
              type: 'ResourceChanged',
              data: JSON.stringify(data),
              metadata: '{}',
            },
          ],
        },
      ])();
    await stored('order-a-1', { data: { customer: 'Jane', seat: { box: 'A' } } });
    expect(holdsBoxes(path())).toEqual(right(false));
    await stored('order-a-2', { data: {}, customer: `${subjectOf(1)}.1`, box: 'abc' });
    expect(holdsBoxes(path())).toEqual(right(true));
    await store.right.close();
  });

  it('of a backup do not bring back what was forgotten', () => {
    const row = (number: number, wrapped: string | null) => ({
      subject: Buffer.from(subjectOf(number), 'hex'),
      generation: 1,
      wrapped,
    });
    const file = openKeysFile(keysPath(path()));
    file.make([{ subject: subjectOf(1), wrapped: wrappedOf(1) }]);
    file.make([{ subject: subjectOf(2), wrapped: wrappedOf(2) }]);
    file.forget(subjectOf(1), 1);
    const rows = [1, 2, 3, 4].map((number) => row(number, wrappedOf(number)));
    file.merge([...rows, row(5, null)], new Set([`${subjectOf(2)}.1`, `${subjectOf(4)}.1`]));
    expect([1, 2, 3, 4, 5].map((number) => file.wrapped(subjectOf(number), 1))).toEqual([
      undefined,
      undefined,
      wrappedOf(3),
      undefined,
      undefined,
    ]);
    file.close();
    expect([1, 2, 4].flatMap((number) => filesWith(wrappedOf(number)))).toEqual([]);
    expect(existsSync(keysPath(path()))).toBe(true);
  });
});
