import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';
import { startServer } from '../src/main.ts';

const FIRST = 'the first secret of an operator, long enough';
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
