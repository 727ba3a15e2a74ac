import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';
import { streamOf } from '../src/domain/ids.ts';
import { openSqliteStore } from '../src/eventstore/sqlite.ts';
import { startServer } from '../src/main.ts';
import { UNREADABLE, type Unreadable, unreadableAfter } from './support/unreadable.ts';

const FIRST = 'the first secret of an operator, long enough';
const COMPANY = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';
const SECOND = 'another secret of an operator, long enough';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callboard-main-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Starts, stops, and answers with why it did not start, if so. */
const refusal = async (environment: Readonly<Record<string, string>> = {}): Promise<string | undefined> => {
  const config = readConfig({ PORT: '0', LOG_LEVEL: 'silent', ...environment }, folder);
  if (isLeft(config)) throw new Error(JSON.stringify(config.left));
  const started = await startServer(config.right);
  if (isLeft(started)) return started.left.message;
  await started.right.ready;
  started.right.stop();
  expect(await started.right.ended).toBe(0);
  return undefined;
};

describe('a data folder', () => {
  it('is served under the secret that it was made with, and under no other', async () => {
    expect(await refusal({ CALLBOARD_SECRET: FIRST })).toBeUndefined();
    const message = await refusal({ CALLBOARD_SECRET: SECOND });
    expect(message).toContain('were sealed under another CALLBOARD_SECRET');
    expect(message).not.toContain(SECOND);
    expect(await refusal()).toContain('is missing');
    expect(readdirSync(join(folder, 'data'))).not.toContain('secret');
    expect(await refusal({ CALLBOARD_SECRET: FIRST })).toBeUndefined();
  });

  it('that lost its secret gets no new one', async () => {
    expect(await refusal()).toBeUndefined();
    expect(await refusal()).toBeUndefined();
    rmSync(join(folder, 'data', 'secret'));
    expect(await refusal()).toContain('restore it from a backup');
  });

  it('takes any secret while nothing is kept in it', async () => {
    const memory = { CALLBOARD_STORE: 'memory:' };
    expect(await refusal({ ...memory, CALLBOARD_SECRET: FIRST })).toBeUndefined();
    expect(await refusal({ ...memory, CALLBOARD_SECRET: SECOND })).toBeUndefined();
  });
});

describe('an embedded store', () => {
  const path = (): string => join(folder, 'data', 'events.db');
  const serve = async () => {
    const environment = { PORT: '0', LOG_LEVEL: 'silent', CALLBOARD_SECRET: FIRST };
    const config = readConfig(environment, folder);
    if (isLeft(config)) throw new Error(JSON.stringify(config.left));
    return startServer(config.right);
  };

  it.each(Object.keys(UNREADABLE) as Unreadable[])(
    'that holds %s is served as far as it can be read',
    async (kind) => {
      expect(await refusal({ CALLBOARD_SECRET: FIRST })).toBeUndefined();
      const stream = streamOf.webhook(COMPANY);
      const store = await openSqliteStore({ path: path(), onFatal: () => undefined });
      if (isLeft(store)) throw new Error(store.left.message);
      await store.right.append([await unreadableAfter(store.right, stream, kind, COMPANY)])();
      await store.right.close();

      const started = await serve();
      if (isLeft(started)) throw new Error(started.left.message);
      const { url, ready, ended, stop } = started.right;
      await ready;
      const readiness = await fetch(`${url}/readyz`);
      expect(readiness.status).toBe(503);
      const text = await readiness.text();
      for (const part of [stream, 'revision 0, position 1', UNREADABLE[kind].type])
        expect(text).toContain(part);
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      const taken = await fetch(`${url}/changes`, { method: 'POST', body: '{}' });
      expect([taken.status, taken.headers.get('retry-after')]).toEqual([503, '60']);
      // Whoever may read is asked for a token as ever.
      expect((await fetch(`${url}/webhook`)).status).toBe(401);
      stop();
      expect(await ended).toBe(0);
    },
  );

  it('that is damaged is not served at all', async () => {
    expect(await refusal({ CALLBOARD_SECRET: FIRST })).toBeUndefined();
    const store = await openSqliteStore({ path: path(), onFatal: () => undefined });
    if (isLeft(store)) throw new Error(store.left.message);
    const append = await unreadableAfter(store.right, streamOf.webhook(COMPANY), 'an unknown type', COMPANY);
    const events = append.events.map((event) => ({ ...event, data: '{"atMs":2}' }));
    await store.right.append([{ ...append, events }])();
    await store.right.close();
    const started = await serve();
    expect(isLeft(started) ? started.left.message : 'it started').toContain('is damaged');
  });
});
