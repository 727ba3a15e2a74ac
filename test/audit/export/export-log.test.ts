import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudEvent } from 'cloudevents';
import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportFolder } from '../../../src/adapters/export-folder.ts';
import { exportLog } from '../../../src/audit/export/export-log.ts';
import {
  type ExportProgress,
  type ExportQuestion,
  parseManifest,
  parseProgress,
} from '../../../src/audit/export/manifest.ts';
import type { EventStore } from '../../../src/eventstore/event-store.ts';
import { EMPTY_DIGEST } from '../../../src/eventstore/log-digest.ts';
import { openMemoryStore } from '../../../src/eventstore/memory.ts';
import type { ExportFolder } from '../../../src/ports/export-folder.ts';
import { streamOf } from '../../../src/domain/ids.ts';
import { emptyHead, seal } from '../../../src/eventstore/codec.ts';
import { guidOf } from '../../arbitraries/decoded-log.ts';
import { CAUSE } from '../../eventstore/events.ts';
import { COMPANY, OTHER, PERSONAL, SECOND, START_MS, STEP_MS, WEBHOOK, writeHistory } from './history.ts';

let root: string;
let used = 0;
let store: EventStore;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'callboard-export-'));
  store = openMemoryStore();
  await writeHistory(store, 40);
});
afterEach(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

const newFolder = (): string => {
  const path = join(root, String((used += 1)));
  mkdirSync(path);
  return path;
};

const at = (event: number): string => new Date(START_MS + event * STEP_MS).toISOString();

const begun = async (asked: Partial<ExportQuestion>): Promise<ExportProgress> => {
  const head = await store.head()();
  if (isLeft(head)) throw new Error(head.left.message);
  return {
    made_by: 'callboard test',
    started_at: at(0),
    question: {
      from: null,
      to: at(100_000),
      company_id: null,
      webhook: null,
      format: 'ndjson',
      personal_data: 'masked',
      part_bytes: 1024 * 1024,
      ...asked,
    },
    log: { end_position: head.right, events: 0, digest: EMPTY_DIGEST, last: null },
    after: 0,
    counts: {},
    parts: [],
  };
};

const run = (path: string, from: ExportProgress, folder: ExportFolder = exportFolder(path)) =>
  exportLog({ log: store, folder, onProgress: () => undefined }, from);

const filesIn = (path: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(path)
      .sort()
      .map((name) => [name, readFileSync(join(path, name), 'utf8')]),
  );

const exported = async (asked: Partial<ExportQuestion> = {}) => {
  const path = newFolder();
  const done = await run(path, await begun(asked));
  if (isLeft(done)) throw new Error(done.left.message);
  const files = filesIn(path);
  const manifest = parseManifest(files['manifest.json'] ?? '');
  if (isLeft(manifest)) throw new Error(manifest.left);
  return { path, files, manifest: manifest.right };
};

interface Told {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly companyid: string;
  readonly data: {
    readonly webhook?: string | null;
    readonly body?: string | null;
    readonly body_is?: string;
  };
}

const eventsIn = (files: Readonly<Record<string, string>>): ReadonlyArray<Told> =>
  Object.entries(files)
    .filter(([name]) => name.startsWith('events-'))
    .flatMap(([, text]) => text.trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Told);

const all = async () => {
  const page = await store.readAll({ after: 0, limit: 10_000 })();
  if (isLeft(page)) throw new Error(page.left.message);
  return page.right.events;
};

describe('NDJSON', () => {
  it('has a CloudEvent for every change and all that happened to invocations, in the order of the log', async () => {
    const { files, manifest } = await exported();
    const told = eventsIn(files);
    const stored = (await all()).filter(({ stream }) => !stream.startsWith('account-'));
    expect(told.map(({ id }) => id)).toEqual(stored.map(({ event }) => event.id));
    // Throws for what is no CloudEvent 1.0.
    for (const event of told) expect(new CloudEvent(event as never).validate()).toBe(true);
    const counted: Record<string, number> = {};
    for (const { type } of told) counted[type] = (counted[type] ?? 0) + 1;
    expect(manifest.counts).toEqual(counted);
    expect(Object.keys(counted).sort()).toEqual([
      'callboard.attempt.failed',
      'callboard.attempt.started',
      'callboard.change.reported',
      'callboard.invocation.cancelled',
      'callboard.invocation.delivered',
      'callboard.invocation.scheduled',
    ]);
    expect(manifest.log).toMatchObject({ events: stored.length + 2, end_position: stored.length + 2 });
  });

  it('masks personal data in reports, bodies and answers, unless it may be shown', async () => {
    const { files } = await exported();
    const text = JSON.stringify(files);
    for (const secret of PERSONAL) expect(text).not.toContain(secret);
    const bodies = eventsIn(files).filter(({ type }) => type === 'callboard.invocation.scheduled');
    expect(bodies.map(({ data }) => data.body_is)).toContain('masked');
    expect(
      bodies.filter(({ data }) => data.body_is === 'withheld').every(({ data }) => data.body === null),
    ).toBe(true);
    const clear = JSON.stringify((await exported({ personal_data: 'clear' })).files);
    for (const secret of PERSONAL) expect(clear).toContain(secret);
  });

  it('of a period, a company, a webhook', async () => {
    const period = eventsIn((await exported({ from: at(20), to: at(60) })).files);
    expect(period).toHaveLength(40);
    expect(period.every(({ time }) => time >= at(20) && time < at(60))).toBe(true);
    const company = eventsIn((await exported({ company_id: OTHER })).files);
    expect(company.length).toBeGreaterThan(20);
    expect(company.every(({ companyid }) => companyid === OTHER)).toBe(true);
    const webhook = eventsIn((await exported({ webhook: SECOND, company_id: COMPANY })).files);
    expect(webhook.length).toBeGreaterThan(10);
    expect(webhook.every(({ data }) => data.webhook === SECOND)).toBe(true);
    // An attempt that was made in the period of an invocation that was scheduled before it.
    const late = eventsIn((await exported({ webhook: WEBHOOK, from: at(4) })).files);
    expect(late[0]).toMatchObject({ type: 'callboard.attempt.started', data: { webhook: WEBHOOK } });
    const nothing = await exported({ from: at(5_000), to: at(6_000) });
    expect(nothing.manifest.parts).toEqual([]);
  });
});

/** RFC 4180, read by hand: the product has no reader of it. */
const cellsOf = (text: string): ReadonlyArray<ReadonlyArray<string>> =>
  text
    .split(/\r\n(?=(?:[^"]*"[^"]*")*[^"]*$)/)
    .filter((line) => line !== '')
    .map((line) =>
      [...`,${line}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,"]*))/g)].map(([, quoted, plain]) =>
        quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
      ),
    );

describe('CSV', () => {
  it('has rows of invocations and of attempts, and nothing that a spreadsheet runs', async () => {
    const { files, manifest } = await exported({ format: 'csv' });
    expect(Object.keys(files)).toEqual(['attempts-000001.csv', 'invocations-000001.csv', 'manifest.json']);
    const attempts = cellsOf(files['attempts-000001.csv'] ?? '');
    const [columns = [], ...rows] = attempts;
    expect(columns.slice(0, 4)).toEqual(['ended_at', 'invocation', 'webhook', 'company_id']);
    expect(rows).toHaveLength(manifest.counts['attempts'] ?? 0);
    expect(rows.every((row) => row.length === columns.length)).toBe(true);
    const excerpts = new Set(rows.map((row) => row[columns.indexOf('response_excerpt')]));
    expect(excerpts).toEqual(new Set(['OK', `'=cmd|"/c calc"!A1, ask ***`]));
    const ended = rows.filter((row) => row[columns.indexOf('number')] === '2');
    expect(ended.length).toBeGreaterThan(3);
    expect(new Set(ended.map((row) => row[columns.indexOf('webhook_revision')]))).toEqual(new Set(['1']));
    expect(rows.every((row) => row[columns.indexOf('started_at')] !== '')).toBe(true);
    const [head = [], ...invocations] = cellsOf(files['invocations-000001.csv'] ?? '');
    expect(invocations).toHaveLength(manifest.counts['invocations'] ?? 0);
    expect(new Set(invocations.map((row) => row[head.indexOf('event')]))).toEqual(
      new Set(['scheduled', 'delivered', 'cancelled']),
    );
    expect(new Set(invocations.map((row) => row[head.indexOf('actor')]))).toEqual(new Set([`'+platform`]));
    for (const row of [...rows, ...invocations]) {
      for (const cell of row) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
    }
  });
});

/** The disk is full at the n-th thing that is written. */
const fullAt = (path: string, n: number): ExportFolder => {
  const real = exportFolder(path);
  let calls = 0;
  const may = (): void => {
    calls += 1;
    if (calls >= n)
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { syscall: 'write' });
  };
  return {
    ...real,
    begin: (name) => {
      may();
      const file = real.begin(name);
      return {
        ...file,
        write: (text) => {
          may();
          file.write(text);
        },
        complete: () => {
          may();
          return file.complete();
        },
      };
    },
    save: (name, text) => {
      may();
      real.save(name, text);
    },
  };
};

describe.each(['ndjson', 'csv'] as const)('an export that is cut short, as %s', (format) => {
  it('goes on after its last part, to the same bytes', async () => {
    const asked = { format, part_bytes: 20_000 };
    const whole = await exported(asked);
    expect(whole.manifest.parts.length).toBeGreaterThan(2);
    expect(whole.manifest.log.digest).toBe((await exported()).manifest.log.digest);
    const from = await begun(asked);
    let cut = 0;
    for (const n of [1, 2, 3, 4, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377]) {
      const path = newFolder();
      exportFolder(path).save('progress.json', JSON.stringify(from));
      const first = await run(path, from, fullAt(path, n));
      if (!isLeft(first)) break;
      cut += 1;
      expect(first.left).toMatchObject({
        _tag: 'NotWritten',
        message: expect.stringContaining('ENOSPC') as string,
      });
      const left = readdirSync(path);
      expect(left).not.toContain('manifest.json');
      expect(left.filter((name) => name.endsWith('.partial'))).toEqual([]);
      const progress = parseProgress(readFileSync(join(path, 'progress.json'), 'utf8'));
      if (isLeft(progress)) throw new Error(progress.left);
      // Meanwhile the log grows.
      const companyId = guidOf(600 + n);
      const opened = { id: companyId, event: { type: 'AccountOpened', companyId, atMs: START_MS } } as const;
      const stream = streamOf.account(companyId);
      const { append } = seal(stream, emptyHead(stream), [opened], { ...CAUSE, companyId });
      expect((await store.append([append])())._tag).toBe('Right');
      expect((await run(path, progress.right))._tag).toBe('Right');
      expect(filesIn(path)).toEqual(whole.files);
    }
    expect(cut).toBeGreaterThan(10);
  });
});
