import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Api } from './api.ts';
import { checkHistory, logPath } from './log-checks.ts';
import { Receiver, sleep } from './receiver.ts';
import { Seeded } from './seeded.ts';
import { callboard, ServerProcess } from './server-process.ts';

const COMPANY = '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a03';
const CHANGES = 160;
const KILLS = 4;
const PATIENCE_MS = 180_000;

interface Job {
  readonly guid: string;
  readonly status: string;
  readonly counted: number;
  readonly done: number;
  readonly skipped: Readonly<Record<string, number>>;
}

let dataDir = '';
let token = '';
let receiver: Receiver;
let server: ServerProcess;
let api: Api;

const start = async (): Promise<void> => {
  server = new ServerProcess(dataDir, { CALLBOARD_STORE: `sqlite:${logPath(dataDir)}` });
  const url = await server.wait('listening', server.listening);
  await server.wait('ready', server.ready);
  api = new Api(url, token);
};

const kill = async (): Promise<void> => {
  await server.kill();
  await api.close();
};

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'callboard-jobs-'));
  receiver = new Receiver(new Seeded(7, 'receivers'));
  receiver.behave();
  await receiver.listen();
  token = (await callboard(dataDir, 'token', '--role', 'admin')).stdout.trim();
  await start();
}, 120_000);
afterEach(async () => {
  // It is closed already where the test ended with a kill.
  await Promise.allSettled([api.close()]);
  await server.discard();
  await receiver.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const report = async (): Promise<void> => {
  for (let n = 0; n < CHANGES; n += 20) {
    const changes = Array.from({ length: 20 }, (_, i) => ({
      specversion: '1.0',
      id: `c-${n + i}`,
      source: '/tests',
      type: 'event.update',
      subject: String(n + i),
      companyid: COMPANY,
      data: { n: n + i },
    }));
    await api.batch(changes);
  }
};

const webhook = async (name: string, url: string): Promise<string> => {
  const { guid } = await api.call<{ guid: string }>('POST', '/webhook', {
    company_id: COMPANY,
    name,
    url,
    resource: 'event',
    trigger: 'update',
    retries: 0,
  });
  const { secret } = await api.call<{ secret: string }>('GET', `/webhook/${guid}/secret`);
  receiver.expectSignature(new URL(url).pathname, secret);
  return guid;
};

/** Kills the server again and again while the job runs, each time with progress in between, and lets it end. */
const killThrough = async (asked: object): Promise<Job> => {
  const made = await api.call<Job>('POST', '/jobs', { ...asked, rate: 25, dry_run: false });
  expect(made.counted).toBe(CHANGES);
  let kills = 0;
  let before = 0;
  for (const untilMs = Date.now() + PATIENCE_MS; Date.now() < untilMs; await sleep(20)) {
    const job = await api.call<Job>('GET', `/jobs/${made.guid}`);
    if (job.status === 'completed') {
      // It was killed in the middle, not at its end.
      expect(kills).toBe(KILLS);
      return job;
    }
    if (job.done === before || kills === KILLS) continue;
    before = job.done;
    await kill();
    kills += 1;
    await start();
  }
  throw new Error('the job did not come to its end');
};

const settled = async (): Promise<void> => {
  for (const untilMs = Date.now() + PATIENCE_MS; Date.now() < untilMs; await sleep(50)) {
    if ((await api.newest('waiting')) === undefined && (await api.newest('in_flight')) === undefined) return;
  }
  throw new Error('not settled');
};

describe('a job whose server is killed again and again goes on by itself', () => {
  it('and a backfill tells every change exactly once', async () => {
    await report();
    const guid = await webhook('new', `${receiver.url}/new`);
    const job = await killThrough({ kind: 'backfill', webhook: guid });
    expect([job.done, job.skipped]).toEqual([CHANGES, {}]);
    await settled();
    const invocations = await api.invocations();
    expect(invocations).toHaveLength(CHANGES);
    expect(new Set(invocations.map(({ change }) => change)).size).toBe(CHANGES);
    expect(invocations.every((one) => one.backfill === job.guid)).toBe(true);
    const conserved = await callboard(dataDir, 'audit', 'conserve');
    expect([conserved.code, conserved.stderr]).toEqual([
      0,
      expect.stringContaining(`${CHANGES} of them were told by backfill`),
    ]);
    if (receiver.violation !== undefined) throw receiver.violation;
    await kill();
    await checkHistory(dataDir);
  }, 400_000);

  it('and a retry of all that failed opens one more round of each', async () => {
    const gone = new Receiver(new Seeded(8, 'gone'));
    await gone.listen();
    const nobody = gone.url;
    await gone.close();
    const guid = await webhook('moved', `${nobody}/moved`);
    await report();
    await settled();
    await api.call('PATCH', `/webhook/${guid}`, { url: `${receiver.url}/moved` });
    const job = await killThrough({ kind: 'retry_failed', webhook: guid });
    expect([job.done, job.skipped]).toEqual([CHANGES, {}]);
    await settled();
    const invocations = await api.invocations();
    expect(invocations).toHaveLength(CHANGES);
    for (const { attempts } of invocations) {
      // The first one failed; of the round that the job opened one attempt, which a kill may have interrupted.
      expect(attempts.map(({ number }) => number)).toEqual([1, 2]);
    }
    if (receiver.violation !== undefined) throw receiver.violation;
    await kill();
    await checkHistory(dataDir);
  }, 400_000);
});
