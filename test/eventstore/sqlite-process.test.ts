import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, describe, expect, it } from 'vitest';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { openSqliteStore } from '../../src/eventstore/sqlite.ts';
import { verifySqliteStore } from '../../src/eventstore/sqlite-verify.ts';
import { get } from '../contract/event-store.ts';
import { openStore, temporaryPaths } from './temporary.ts';

const HOLDER = join(import.meta.dirname, 'hold-store.ts');

describe('SQLite store and its process', () => {
  const freshPath = temporaryPaths();
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  /** A process that holds the store and writes, with the lines it prints. */
  const startHolder = (path: string, limit = '') => {
    const command = `${limit} exec "$0" "$1" "$2"`;
    const child = spawn('sh', ['-c', command, process.execPath, HOLDER, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const lines: string[] = [];
    const reader = createInterface({ input: child.stdout });
    reader.on('line', (line) => lines.push(line));
    const printed = async (count: number): Promise<void> => {
      while (lines.length < count) await once(reader, 'line');
    };
    const ended = Promise.all([once(child, 'exit'), once(reader, 'close')]);
    return { child, lines, printed, ended };
  };

  const everything = async (store: EventStore): Promise<number> => {
    const page = get(await store.readAll({ after: 0, limit: 100_000 })());
    expect(page.events.map(({ position }) => position)).toEqual(page.events.map((_, index) => index + 1));
    return page.events.length;
  };

  const acknowledged = (lines: ReadonlyArray<string>): number =>
    Math.max(0, ...lines.filter((line) => line.startsWith('stored ')).map((line) => Number(line.slice(7))));

  it('keeps a second process out while the first lives, and lets it in after kill -9 with nothing lost', async () => {
    const path = freshPath();
    const holder = startHolder(path);
    await holder.printed(20);

    const refused = await openSqliteStore({ path, onFatal: () => undefined });
    if (!isLeft(refused)) throw new Error('two processes hold one store');
    expect(refused.left._tag).toBe('StoreInUse');
    const by = `process ${holder.child.pid} on ${hostname()} since `;
    expect(refused.left.message).toContain(`${path} is in use by ${by}`);
    expect(refused.left.message).toMatch(
      /since \d{4}-\d\d-\d\dT[\d:.]+Z; stop it or choose another CALLBOARD_DATA_DIR$/,
    );

    holder.child.kill('SIGKILL');
    await holder.ended;
    expect(existsSync(`${path}.holder`)).toBe(true);
    const store = await openStore(path);
    expect(await everything(store)).toBeGreaterThanOrEqual(acknowledged(holder.lines));
    await store.close();
    expect(existsSync(`${path}.holder`)).toBe(false);
    expect(get(await verifySqliteStore(path)).breaks).toEqual([]);
  });

  it('is refused to a second opener inside the same process', async () => {
    const path = freshPath();
    const store = await openStore(path);
    const second = await openSqliteStore({ path, onFatal: () => undefined });
    expect(isLeft(second) && second.left._tag).toBe('StoreInUse');
    await store.close();
    await (await openStore(path)).close();
  });

  it('takes no more writes after an I/O error, says so, and has kept all it acknowledged', async () => {
    const path = freshPath();
    const holder = startHolder(path, 'ulimit -f 1000;');
    await holder.ended;
    expect(holder.lines.filter((line) => line.startsWith('fatal SQLite: '))).toHaveLength(1);
    expect(holder.lines.some((line) => /^refused (OutcomeUnknown|StoreUnavailable)$/.test(line))).toBe(true);
    expect(holder.lines).toContain('then StoreUnavailable');
    const store = await openStore(path);
    expect(acknowledged(holder.lines)).toBeGreaterThan(0);
    expect(await everything(store)).toBeGreaterThanOrEqual(acknowledged(holder.lines));
    await store.close();
  });
});
