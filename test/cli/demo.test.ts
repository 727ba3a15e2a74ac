import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Invocation } from '../../src/cli/demo/api.ts';
import { compare, type Evidence, isClean } from '../../src/cli/demo/audit.ts';
import { festivalNight } from '../../src/cli/demo/evening.ts';
import { messagesOf } from '../../src/cli/demo/platform.ts';
import type { EndedRequest } from '../../src/cli/demo/receiver.ts';
import { SUBSCRIPTIONS } from '../../src/cli/demo/subscriptions.ts';

const CLI = join(import.meta.dirname, '../../src/cli/main.ts');

describe('callboard demo', () => {
  let temporary: string;

  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'callboard-demo-test-'));
  });
  afterEach(async () => {
    await rm(temporary, { recursive: true, force: true });
  });

  const start = () =>
    spawn(process.execPath, [CLI, 'demo'], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  it('survives a kill -9 with nothing lost and nothing doubled', { timeout: 120_000 }, async () => {
    const demo = start();
    const [output, complaints, ended] = await Promise.all([
      text(demo.stdout),
      text(demo.stderr),
      once(demo, 'exit'),
    ]);

    expect(complaints).toBe('');
    expect(ended).toEqual([0, null]);
    expect(output).toMatch(/kill -9 \d+: \d+ requests were open/);
    expect(output).toMatch(/ticket-paid .*multipart/);
    expect(output).toMatch(
      /Nothing was lost, nothing was doubled: \d{3} changes, \d{3} deliveries, \d{3,4} attempts, 1 kill -9\.\n$/,
    );
    expect(output).not.toContain('\u001b');
    expect(output.split('\n').filter((line) => line.length > 100)).toEqual([]);
    expect(await readdir(temporary)).toEqual([]);
  });

  it('leaves nothing behind when it is interrupted', { timeout: 60_000 }, async () => {
    const demo = start();
    const exited = once(demo, 'exit');
    for await (const chunk of demo.stdout) {
      if (String(chunk).includes('changes reported')) break;
    }
    demo.kill('SIGINT');

    expect(await exited).toEqual([130, null]);
    expect(await readdir(temporary)).toEqual([]);
  });
});

describe('the evening', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(festivalNight(7)).toEqual(festivalNight(7));
    expect(festivalNight(7)).not.toEqual(festivalNight(8));
    expect(messagesOf(festivalNight(7), 7).flatMap(({ events }) => events)).toEqual(festivalNight(7));
  });
});

describe('the comparison', () => {
  const subscription = SUBSCRIPTIONS.find(({ name }) => name === 'ticket-paid');
  const event = festivalNight(1).find(({ type }) => type === 'order.sold');
  if (subscription === undefined || event === undefined) throw new Error('the story has lost its hero');

  const guid = '0b1e5c9e-6a0a-5f62-9d0b-1f6f2c7e1a90';
  const webhook = '96007e9b-b570-454c-aa3b-66a33a88280a';
  const change = 'b08fcc71-ddf7-5c9d-b607-e393213936a5';
  const body = JSON.stringify({
    guid,
    webhook,
    company_id: event.companyid,
    occurred_at: event.time,
    data: event.data,
  });

  const attempt = (
    number: number,
    outcome: 'succeeded' | 'failed' | 'interrupted',
    statusCode: number | null,
  ): Invocation['attempts'][number] => ({
    number,
    started_at: '2026-08-22T20:00:00.000Z',
    outcome,
    status_code: statusCode,
    error: null,
    duration_ms: 1,
  });
  const invocation: Invocation = {
    guid,
    webhook,
    change,
    status: 'delivered',
    resource: 'ticket',
    trigger: 'paid',
    identifier: '360875',
    origin: { resource: 'order', identifier: event.subject, trigger: 'paid' },
    attempts: [attempt(1, 'failed', 503), attempt(2, 'succeeded', 200)],
  };
  const failed: EndedRequest = {
    serial: 1,
    receiver: 'flaky',
    hook: 'ticket-paid',
    headers: { 'webhook-id': guid },
    body,
    bodyHash: createHash('sha256').update(body).digest('hex'),
    arrivedMs: 1_000,
    complaint: null,
    ending: { kind: 'answered', status: 503, retryAfterSeconds: 1 },
    endedMs: 1_001,
  };
  const accepted: EndedRequest = {
    ...failed,
    serial: 2,
    arrivedMs: 2_010,
    ending: { kind: 'answered', status: 200, retryAfterSeconds: null },
    endedMs: 2_011,
  };
  const asItShouldBe: Evidence = {
    accepted: [{ event, change }],
    subscriptions: [{ ...subscription, webhook }],
    invocations: [invocation],
    requests: [failed, accepted],
    retryBaseMs: 200,
    duplicates: 0,
    kills: 1,
  };

  it('is content when all three sides tell the same', () => {
    expect(isClean(compare(asItShouldBe))).toBe(true);
  });

  it('allows an interrupted attempt to have arrived, or not', () => {
    const attempts = [attempt(1, 'interrupted', null), attempt(2, 'succeeded', 200)];
    const cutOff = { ...asItShouldBe, invocations: [{ ...invocation, attempts }] };
    const twice = { ...accepted, serial: 3, arrivedMs: 3_000, endedMs: 3_001 };
    expect(isClean(compare({ ...cutOff, requests: [accepted] }))).toBe(true);
    expect(isClean(compare({ ...cutOff, requests: [accepted, twice] }))).toBe(true);
  });

  it.each<[kind: keyof ReturnType<typeof compare>, what: string, doctored: Partial<Evidence>]>([
    ['lost', 'an invocation that was never made', { invocations: [], requests: [] }],
    ['lost', 'a delivery that gave up', { invocations: [{ ...invocation, status: 'exhausted' }] }],
    ['lost', 'a delivery that the receiver has not seen', { requests: [] }],
    [
      'lost',
      'a delivery that the receiver refused',
      { requests: [failed, { ...accepted, ending: failed.ending }] },
    ],
    ['doubled', 'two invocations', { invocations: [invocation, { ...invocation, guid: webhook }] }],
    [
      'doubled',
      'a change that got in twice',
      {
        accepted: [
          { event, change },
          { event, change },
        ],
      },
    ],
    [
      'doubled',
      'one request more than attempts',
      { requests: [failed, accepted, { ...accepted, arrivedMs: 9_000, endedMs: 9_001 }] },
    ],
    [
      'doubled',
      'a second acceptance without an interruption',
      { requests: [{ ...accepted, arrivedMs: 100, endedMs: 101 }, accepted] },
    ],
    [
      'unexpected',
      'somebody told by mistake',
      { invocations: [invocation, { ...invocation, guid: change, webhook: change }] },
    ],
    [
      'unexpected',
      'a request that nobody sent',
      { requests: [failed, accepted, { ...failed, headers: {} }] },
    ],
    ['altered', 'another body at the retry', { requests: [failed, { ...accepted, bodyHash: '' }] }],
    [
      'altered',
      'another key at the retry',
      { requests: [failed, { ...accepted, headers: { ...failed.headers, 'openticket-dedupe-key': 'x' } }] },
    ],
    [
      'altered',
      'a signature that does not match',
      { requests: [failed, { ...accepted, complaint: 'no match' }] },
    ],
    ['altered', 'other data than reported', { accepted: [{ event: { ...event, data: {} }, change }] }],
    ['early', 'a retry before Retry-After', { requests: [failed, { ...accepted, arrivedMs: 1_900 }] }],
  ])('finds %s: %s', (kind, _, doctored) => {
    const findings = compare({ ...asItShouldBe, ...doctored });
    expect(findings[kind]).not.toEqual([]);
  });
});
