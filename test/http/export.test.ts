import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { RUNNING_MAX } from '../../src/http/export.ts';
import { TEST_STORE } from '../support/test-store.ts';
import {
  COMPANY,
  errorsOf,
  type Got,
  makeWebhook,
  openWorld,
  OTHER_COMPANY,
  START_MS,
  type World,
} from './harness.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const iso = (atMs: number): string => new Date(atMs).toISOString();

const report = async (
  ids: ReadonlyArray<string>,
  data: JsonObject = {},
  companyid = COMPANY,
): Promise<void> => {
  const json = ids.map((id) => ({
    specversion: '1.0',
    id,
    source: '/tickets',
    type: 'event.update',
    subject: id,
    companyid,
    data,
  }));
  const got = await world.api('POST', '/changes', {
    token: world.tokens.admin,
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    json,
  });
  expect(got.status).toBe(202);
};

/** Exported is what was recorded before now, so some time goes by. */
const read = (query: Readonly<Record<string, string>> = {}, token = world.tokens.partner): Promise<Got> => {
  world.nowMs += 1;
  return world.api('GET', `/export?${new URLSearchParams(query).toString()}`, { token });
};

const linesOf = ({ body }: Got): ReadonlyArray<JsonObject> =>
  (body as string)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as JsonObject);
const rowsOf = (got: Got): ReadonlyArray<JsonObject> => linesOf(got).slice(0, -1);

const told = async (webhook: string): Promise<void> => {
  expect((await world.api('POST', `/webhook/${webhook}/test`)).status).toBe(202);
};

describe('GET /export', () => {
  it('holds the changes and invocations of a company, and says when that was all', async () => {
    const webhook = await makeWebhook(world);
    await told(webhook);
    await report(['a', 'b']);
    await report(['theirs'], {}, OTHER_COMPANY);
    const got = await read();
    expect([got.status, got.headers.get('content-type')]).toEqual([
      200,
      'application/x-ndjson; charset=utf-8',
    ]);
    expect(rowsOf(got).map(({ type, subject, companyid }) => [type, subject, companyid])).toEqual([
      ['callboard.invocation.scheduled', expect.any(String), COMPANY],
      ['callboard.change.reported', 'event/a', COMPANY],
      ['callboard.change.reported', 'event/b', COMPANY],
    ]);
    const text = (got.body as string).split('\n').slice(0, -2).join('\n') + '\n';
    expect(linesOf(got).at(-1)).toEqual({
      callboard_export: 1,
      complete: true,
      question: {
        from: null,
        to: iso(world.nowMs),
        company_id: COMPANY,
        webhook: null,
        format: 'ndjson',
        personal_data: 'masked',
      },
      after: '0',
      until: got.headers.get('callboard-export-until'),
      rows: 3,
      sha256: createHash('sha256').update(text).digest('hex'),
    });
    const all = await read({}, world.tokens.admin);
    expect(rowsOf(all).length).toBe(4);
    expect(rowsOf(await read({ company_id: OTHER_COMPANY }, world.tokens.admin)).length).toBe(1);
  });

  it('is of a period: from the first moment, before the last', async () => {
    world.nowMs = START_MS + 10_000;
    await report(['a']);
    world.nowMs = START_MS + 20_000;
    await report(['b']);
    world.nowMs = START_MS + 30_000;
    const subjects = async (from: number, to: number) =>
      rowsOf(await read({ from: iso(START_MS + from), to: iso(START_MS + to) })).map(
        ({ subject }) => subject,
      );
    expect(await subjects(0, 10_000)).toEqual([]);
    expect(await subjects(10_000, 20_000)).toEqual(['event/a']);
    expect(await subjects(10_000, 20_001)).toEqual(['event/a', 'event/b']);
  });

  it('is of one webhook, also when it is deleted, and of nobody else', async () => {
    const [one, other] = [await makeWebhook(world), await makeWebhook(world)];
    for (const webhook of [one, other, one]) await told(webhook);
    await report(['a']);
    await world.api('DELETE', `/webhook/${one}`);
    const rows = rowsOf(await read({ webhook: one }));
    expect(rows.map(({ data }) => (data as JsonObject)['webhook'])).toEqual([one, one]);
    expect((await read({ webhook: one }, world.tokens.stranger)).status).toBe(404);
    expect((await read({ webhook: one, company_id: OTHER_COMPANY }, world.tokens.admin)).status).toBe(404);
    expect((await read({ webhook: '00000000-0000-4000-8000-00000000dead' })).status).toBe(404);
  });

  it('masks personal data, and shows it in clear to administrators alone', async () => {
    await report(['a'], { customer: { id: 7, email: 'fred@example.com' } });
    expect((await read()).body).not.toContain('fred@example.com');
    const clear = { personal_data: 'clear', company_id: COMPANY };
    expect((await read(clear)).status).toBe(403);
    expect((await read(clear, world.tokens.admin)).body).toContain('fred@example.com');
  });

  it('comes as CSV, one table at a time, with the position of each row', async () => {
    const webhook = await makeWebhook(world);
    for (let n = 0; n < 3; n += 1) await told(webhook);
    const got = await read({ format: 'csv' });
    expect(got.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const lines = (got.body as string).split('\r\n');
    expect(lines[0]).toMatch(/^time,event,invocation,.*,actor,position$/);
    expect(lines.length).toBe(5);
    const second = lines[2]?.split(',').at(-1) ?? '';
    const rest = await read({ format: 'csv', after: second });
    expect(rest.body).toBe(`${lines[3] ?? ''}\r\n`);
    const attempts = await read({ format: 'csv', table: 'attempts' });
    expect(attempts.body).toMatch(/^ended_at,.*,response_excerpt,position\r\n$/);
  });

  it('goes on where it was cut, with the very lines that are missing, also when the log has grown', async () => {
    await report(Array.from({ length: 30 }, (_, n) => `c${n}`));
    const whole = await read();
    const until = whole.headers.get('callboard-export-until') ?? '';
    const to = whole.headers.get('callboard-export-to') ?? '';
    await report(['later']);
    const lines = (whole.body as string).split('\n');
    const last = JSON.parse(lines[11] ?? '') as { readonly position: string };
    const rest = await read({ after: last.position, until, to });
    expect((rest.body as string).split('\n').slice(0, -2)).toEqual(lines.slice(12, -2));
    expect(linesOf(rest).at(-1)).toMatchObject({ complete: true, rows: 18, after: last.position, until });
  });

  it.each([
    ['from in the future', { from: iso(START_MS + 99) }, 'from'],
    ['to in the future', { to: iso(START_MS + 99) }, 'to'],
    ['reversed', { from: iso(START_MS - 1), to: iso(START_MS - 2) }, 'from'],
    ['empty', { from: iso(START_MS - 1), to: iso(START_MS - 1) }, 'from'],
    ['no time', { from: 'yesterday' }, 'from'],
    ['no format', { format: 'xml' }, 'format'],
    ['a table of NDJSON', { table: 'attempts' }, 'table'],
    ['behind the log', { after: '999999' }, 'after'],
    ['until behind the log', { until: '999999' }, 'until'],
    ['no position', { after: '-1' }, 'after'],
    ['no company', { company_id: 'x' }, 'company_id'],
    ['how it shows people', { personal_data: 'all' }, 'personal_data'],
  ])('refuses a question that means nothing: %s', async (_what, query, field) => {
    const got = await read(query);
    expect([got.status, Object.keys(errorsOf(got))]).toEqual([422, [field]]);
  });

  it("refuses another company's token, a platform's, and none", async () => {
    expect((await read({ company_id: OTHER_COMPANY })).status).toBe(403);
    expect((await read({}, world.tokens.platform)).status).toBe(403);
    expect((await world.api('GET', '/export', { token: null })).status).toBe(401);
    expect(rowsOf(await read({}, world.tokens.stranger))).toEqual([]);
  });
});

/** Writing to the double of an EventStoreDB takes longer. */
const BATCHES = TEST_STORE === 'double' ? 20 : 60;

describe('an export that somebody does not take', () => {
  it(
    'reads no further than it is taken; a few at once; and ends with its connection',
    { timeout: 120_000 },
    async () => {
      let pages = 0;
      await world.close();
      world = await openWorld((deps) => ({
        ...deps,
        store: {
          ...deps.store,
          readAll: (options) => {
            pages += 1;
            return deps.store.readAll(options);
          },
        },
      }));
      // Far more than what all buffers on the way hold.
      for (let batch = 0; batch < BATCHES; batch += 1) {
        const ids = Array.from({ length: 45 }, (_, n) => `${batch}-${n}`);
        await report(ids, { text: 'x'.repeat(20_000) });
      }
      pages = 0;
      world.nowMs += 1;
      const stuck = await Promise.all(
        Array.from({ length: RUNNING_MAX }, async () => {
          const socket = connect(Number(new URL(world.origin).port), '127.0.0.1').pause();
          socket.write(
            `GET /export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${world.tokens.partner}\r\n\r\n`,
          );
          return socket;
        }),
      );
      await expect.poll(() => pages, { timeout: 10_000 }).toBeGreaterThanOrEqual(RUNNING_MAX);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const held = pages;
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(pages).toBe(held);
      expect((await read()).status).toBe(429);
      for (const socket of stuck) socket.destroy();
      await expect
        .poll(async () => (await read({ to: iso(START_MS - 1) })).status, { timeout: 10_000 })
        .toBe(200);
      pages = 0;
      const whole = await read();
      expect(held).toBeLessThan(pages * RUNNING_MAX);
      expect(linesOf(whole).at(-1)).toMatchObject({ complete: true, rows: BATCHES * 45 });
    },
  );

  it('breaks off when the log cannot be read on, so that it does not look complete', async () => {
    await world.close();
    let pages = 0;
    world = await openWorld((deps) => ({
      ...deps,
      store: {
        ...deps.store,
        readAll: (options) =>
          (pages += 1) > 1
            ? async () => ({ _tag: 'Left', left: { _tag: 'StoreUnavailable', message: 'gone' } })
            : deps.store.readAll(options),
      },
    }));
    await report(
      Array.from({ length: 450 }, (_, n) => `c${n}`),
      { text: 'x'.repeat(1_000) },
    );
    pages = 0;
    world.nowMs += 1;
    const authorization = `Bearer ${world.tokens.partner}`;
    await expect(
      fetch(`${world.origin}/export`, { headers: { authorization } }).then((response) => response.text()),
    ).rejects.toThrow();
  });
});
