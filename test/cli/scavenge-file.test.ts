import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifySqliteStore } from '../../src/eventstore/sqlite-verify.ts';
import { get } from '../contract/event-store.ts';
import { openStore, temporaryPaths } from '../eventstore/temporary.ts';
import { DAY_MS } from '../migration/invocation-history.ts';
import { accountsOf, COMPANIES, keep, MARK, sealAll, writeMany } from '../migration/retained.ts';

const freshPath = temporaryPaths();
const PROGRAM = new URL('../../src/cli/main.ts', import.meta.url).pathname;
const COUNT = 2_000;

const environment = (path: string) => ({
  ...process.env,
  CALLBOARD_STORE: `sqlite:${path}`,
  CALLBOARD_DATA_DIR: dirname(path),
});

const run = (path: string, ...args: ReadonlyArray<string>) => {
  const done = spawnSync(process.execPath, [PROGRAM, ...args], { env: environment(path), encoding: 'utf8' });
  return { code: done.status, out: done.stdout, err: done.stderr };
};

const filled = async (): Promise<string> => {
  const path = freshPath();
  const store = await openStore(path);
  await writeMany(store, COUNT, { atMs: Date.now() - 200 * DAY_MS });
  await keep(store, COMPANIES[0], 3);
  await sealAll(store, 700);
  await store.close();
  return path;
};

/** Looks beside whoever writes. */
const removedIn = (path: string): number => {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 2_000 });
  try {
    return Number(db.prepare('SELECT count(*) AS number FROM removals').get()?.['number']);
  } catch {
    return 0;
  } finally {
    db.close();
  }
};

describe('callboard scavenge on the embedded store', () => {
  it('says what would go, removes it, and gives the space back', { timeout: 120_000 }, async () => {
    const path = await filled();
    const planned = run(path, 'scavenge');
    expect(planned.code).toBe(0);
    expect(planned.out).toContain('the beginnings of 2,000 invocations settled before');
    expect(planned.out).toContain('Nothing was changed: --apply does it.');
    expect(removedIn(path)).toBe(0);

    const before = statSync(path).size;
    const done = run(path, 'scavenge', '--apply', '--compact');
    expect(done.code).toBe(0);
    expect(done.out).toContain('were removed.');
    expect(done.out).toContain('was written anew');
    expect(statSync(path).size).toBeLessThan(before / 2);
    expect(readFileSync(path, 'latin1').includes(MARK)).toBe(false);
    expect(statSync(path).mode & 0o777).toBe(0o600);

    const verified = run(path, 'audit', 'verify');
    expect(verified.code).toBe(0);
    expect(verified.out).toContain('Removed by retention: 4,000 events, the beginnings of 2,000 streams');
    expect(run(path, 'scavenge', '--apply').out).toContain(
      'Nothing is there that a policy in force lets go of.',
    );
    const store = await openStore(path);
    expect(get(await accountsOf(store).get(COMPANIES[0]))?.removed).toMatchObject({ streams: COUNT });
    await store.close();
  });

  it(
    'killed in the middle leaves a history that fits, and is completed by the same command',
    { timeout: 120_000 },
    async () => {
      const path = await filled();
      const kills: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        const begun = removedIn(path);
        const child = spawn(process.execPath, [PROGRAM, 'scavenge', '--apply', '--compact'], {
          env: environment(path),
          stdio: 'ignore',
        });
        const ended = new Promise((resolve) => child.once('exit', resolve));
        while (child.exitCode === null && removedIn(path) === begun && begun < COUNT)
          await new Promise((resolve) => setTimeout(resolve, 1));
        // The last one anywhere: perhaps while the file is written anew.
        if (round === 2) await new Promise((resolve) => setTimeout(resolve, 150));
        child.kill('SIGKILL');
        await ended;
        kills.push(removedIn(path));
        const verified = get(await verifySqliteStore(path));
        expect(verified.breaks).toEqual([]);
        expect(verified.removed.streams).toBe(kills.at(-1));
      }
      expect(kills[0]).toBeGreaterThan(0);
      expect(kills[0]).toBeLessThan(COUNT);
      const done = run(path, 'scavenge', '--apply', '--compact');
      expect(done.code).toBe(0);
      expect(removedIn(path)).toBe(COUNT);
      expect(readFileSync(path, 'latin1').includes(MARK)).toBe(false);
      expect(get(await verifySqliteStore(path)).breaks).toEqual([]);
      const store = await openStore(path);
      expect(get(await accountsOf(store).get(COMPANIES[0]))?.removed).toMatchObject({
        streams: COUNT,
        events: 2 * COUNT,
      });
      await store.close();
    },
  );

  it(
    'refuses while a server has the file, and what is for an EventStoreDB',
    { timeout: 120_000 },
    async () => {
      const path = await filled();
      const store = await openStore(path);
      const refused = run(path, 'scavenge', '--apply');
      expect(refused.code).toBe(1);
      expect(refused.err).toContain('is in use by process');
      expect(refused.err).toContain('A server removes by itself');
      expect(run(path, 'scavenge').out).toContain('2,000 invocations');
      await store.close();
      expect(run(path, 'scavenge', '--older-than', '90d').code).toBe(2);
      expect(run(path, 'scavenge', '--compact').code).toBe(2);
    },
  );
});
