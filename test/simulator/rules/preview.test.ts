import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changesHistory } from '../../../simulator/rules/changes-history.ts';
import { compare, type Comparison } from '../../../simulator/rules/compare.ts';
import { type History, historyAt, storeHistory } from '../../../simulator/rules/history.ts';
import { cloudEventOf, recordingOf } from '../../../simulator/rules/recording.ts';
import { readWebhooks, type SavedWebhook } from '../../../simulator/rules/saved-webhooks.ts';
import type { Report, World } from '../../../simulator/rules/world.ts';
import { BUILT_IN_RULES, type Rules } from '../../../src/domain/rules.ts';
import { openSqliteStore } from '../../../src/eventstore/sqlite.ts';
import { openReadModels } from '../../../src/projections/sqlite-read-models.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callboard-preview-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** An order that is paid reaches its shop as well, but no ticket type. */
const PROPOSED: Rules = {
  ...BUILT_IN_RULES,
  propagation: BUILT_IN_RULES.propagation.map((rule) =>
    rule.origin === 'order' && rule.trigger === 'paid' ? { ...rule, reaches: ['event', 'shop'] } : rule,
  ),
};
const RULES = [BUILT_IN_RULES, PROPOSED] as const;

const paid = (identifier: string): Report => ({
  step: 'report',
  company: 'A',
  type: 'order.paid',
  ref: { resource: 'order', identifier },
  relations: [
    { resource: 'ticket', identifier: '1' },
    { resource: 'shop', identifier: '1' },
  ],
});

const WORLD: World = {
  webhooks: (['shop', 'ticket', 'event'] as const).map((resource) => ({
    dialect: 'openticket',
    name: `on ${resource}`,
    company: 'A',
    resource,
    trigger: 'paid',
    identifier: '',
    byChildren: true,
  })),
  steps: [
    {
      step: 'report',
      company: 'A',
      type: 'ticket.update',
      ref: { resource: 'ticket', identifier: '1' },
      relations: [{ resource: 'event', identifier: '1' }],
    },
    paid('1'),
    paid('2'),
  ],
};

const compared = async (history: History, proposed: Rules = PROPOSED): Promise<Comparison> => {
  const models = openReadModels({ path: ':memory:' });
  try {
    return await compare(history, models, { now: BUILT_IN_RULES, proposed, examplesMax: 1 });
  } finally {
    models.close();
    await history.close();
  }
};

/** The world in a store on disk; the server that writes it goes on running until `stop`. */
const runningStore = async () => {
  const path = join(folder, 'events.db');
  const opened = await openSqliteStore({ path, onFatal: () => undefined });
  if (isLeft(opened)) throw new Error(opened.left.message);
  const recording = recordingOf({ ...BUILT_IN_RULES, direct: PROPOSED.direct }, WORLD);
  for await (const _ of recording.play()) continue;
  const page = await recording.store.readAll({ after: 0, limit: 1_000 })();
  if (isLeft(page)) throw new Error(page.left.message);
  for (const { stream, revision, event } of page.right.events) {
    const appended = await opened.right.append([
      { stream, expectedRevision: revision - 1, events: [event] },
    ])();
    if (isLeft(appended)) throw new Error(appended.left._tag);
  }
  return { path, stop: () => opened.right.close() };
};

const historyOf = (found: ReturnType<typeof storeHistory>): History => {
  if (isLeft(found)) throw new Error(found.left);
  return found.right;
};

const EXPECTED = { changes: 3, webhooks: 3, now: 4, proposed: 4, more: 2, less: 2, otherwise: 0 };

describe('a store', () => {
  it('is compared beside the server that has it open, and nothing in it changes', async () => {
    const { path, stop } = await runningStore();
    const before = readFileSync(path);
    const result = await compared(historyOf(storeHistory(path)));
    expect(result).toMatchObject(EXPECTED);
    expect(result.byRule).toEqual([
      { rule: 'order.paid → shop', more: 2, less: 0 },
      { rule: 'order.paid → ticket', more: 0, less: 2 },
    ]);
    const shop = result.byWebhook.find(({ name }) => name === 'on shop');
    expect(shop).toMatchObject({ hearsOf: 'shop.paid of any, by children', more: 2, less: 0 });
    expect(shop?.moreExamples.map(({ path: way }) => way)).toEqual([['order:1', 'shop:1']]);
    expect(readFileSync(path).equals(before)).toBe(true);
    await stop();
    expect(await compared(historyOf(storeHistory(path)))).toEqual(result);
  });

  it('is found in its folder; something else is said to be none', async () => {
    const { path, stop } = await runningStore();
    await stop();
    expect(historyAt(folder)).toMatchObject({ right: { kind: 'store', path } });
    expect(historyAt(path)).toMatchObject({ right: { kind: 'store', path } });
    expect(historyAt(join(folder, 'none'))).toMatchObject({
      left: expect.stringContaining('cannot be read') as string,
    });
    expect(historyAt(tmpdir())).toMatchObject({
      left: expect.stringContaining('there is no events.db') as string,
    });
    expect(historyAt('esdb://localhost:2113')._tag).toBe('Left');
  });

  it('tells which webhooks could never fire again', async () => {
    const { path, stop } = await runningStore();
    await stop();
    const result = await compared(historyOf(storeHistory(path)), { ...BUILT_IN_RULES, propagation: [] });
    const silenced = result.silenced.map(({ hearsOf }) => hearsOf).sort();
    expect(silenced).toEqual(['event.paid of any, by children', 'ticket.paid of any, by children']);
  });

  it('under the same rules differs in nothing', async () => {
    const { path, stop } = await runningStore();
    await stop();
    const result = await compared(historyOf(storeHistory(path)), BUILT_IN_RULES);
    expect(result).toMatchObject({ more: 0, less: 0, otherwise: 0, byWebhook: [], silenced: [] });
  });
});

describe('CloudEvents, one a line', () => {
  const REPORTS = WORLD.steps.map((step, at) => JSON.stringify(cloudEventOf(step as Report, at)));

  const historyIn = async (
    lines: ReadonlyArray<string>,
    webhooks: ReadonlyArray<SavedWebhook> | undefined,
    rules: readonly [Rules, Rules] = RULES,
  ): Promise<History> => {
    const path = join(folder, 'changes.ndjson');
    writeFileSync(path, lines.join('\n'));
    return historyOf(await changesHistory({ path, rules, webhooks, folder }));
  };

  it('are compared for the webhooks of a list', async () => {
    const company = (JSON.parse(REPORTS[0] ?? '{}') as { companyid: string }).companyid;
    const list = WORLD.webhooks.map((webhook, at) => ({
      guid: `00000000-0000-4000-8000-00000000000${at}`,
      company_id: company,
      ...('resource' in webhook && { resource: webhook.resource, trigger: webhook.trigger }),
      triggered_by_child_resources: true,
    }));
    const webhooks = readWebhooks(JSON.stringify({ items: list, next: null }));
    if (isLeft(webhooks)) throw new Error(webhooks.left);
    expect(await compared(await historyIn(REPORTS, webhooks.right))).toMatchObject(EXPECTED);
  });

  it('without a list for everything that can be subscribed to', async () => {
    const result = await compared(await historyIn(REPORTS, undefined));
    expect(result.more).toBe(2);
    expect(result.less).toBe(2);
    expect(result.webhooks).toBeGreaterThan(20);
  });

  it('that repeat, contradict or are none are left out and remarked with their line', async () => {
    const [first = '', ...others] = REPORTS;
    const conflict = first.replace('event', 'shop');
    const history = await historyIn(
      [first, ...others, first, '', 'nonsense', conflict, '{"id": 1}'],
      undefined,
    );
    expect((await compared(history)).changes).toBe(3);
    const remarks = history.remarks().map((text) => text.replace(/^.*ndjson:/, ''));
    expect(remarks[0]).toMatch(/^6: not JSON; left out$/);
    expect(remarks[1]).toMatch(/^8: specversion must be "1\.0"/);
    expect(remarks[2]).toMatch(
      /^7: id report 0 of \/worlds was reported before with other content; left out$/,
    );
    expect(remarks[3]).toBe('1 lines repeat a change and count once');
  });

  it('tell what the platform could no longer report', async () => {
    const direct = BUILT_IN_RULES.direct.filter(({ resource }) => resource !== 'order');
    const propagation = BUILT_IN_RULES.propagation.filter(({ origin }) => origin !== 'order');
    const fewer = { ...BUILT_IN_RULES, direct, propagation };
    const result = await compared(await historyIn(REPORTS, undefined, [BUILT_IN_RULES, fewer]), fewer);
    expect(result.refused).toEqual([{ type: 'order.paid', changes: 2 }]);
  });
});

describe('a list of webhooks', () => {
  const guid = '00000000-0000-4000-8000-000000000001';
  const plain = { guid, company_id: guid, resource: 'event', trigger: 'paid' };
  it('is read one a line, alone, with Moshtix webhooks and without deleted ones', () => {
    const saved = { ...plain, guid: guid.replace(/1$/, '2'), system_events: ['ORDER_SAVED'] };
    const deleted = { ...plain, deleted_at: '2026-01-01T00:00:00Z' };
    const read = readWebhooks([saved, plain, deleted].map((one) => JSON.stringify(one)).join('\n'));
    expect(isLeft(read) ? read.left : read.right.map(({ settings }) => settings.selection.dialect)).toEqual([
      'moshtix',
      'openticket',
    ]);
    expect(readWebhooks(JSON.stringify(plain))).toMatchObject({ right: [{ guid }] });
  });

  it.each([
    ['nonsense', 'line 1: not JSON'],
    [JSON.stringify([{ ...plain, trigger: 'explode' }]), /^webhook 1: trigger must be one of /],
    [JSON.stringify([plain, plain]), /^webhook 2: .* is listed twice$/],
    [
      JSON.stringify([{ ...plain, system_events: ['NOTHING'] }]),
      /^webhook 1: system_events\[0\] must be one of/,
    ],
  ])('%s is refused', (text, reason) => {
    const read = readWebhooks(text);
    expect(isLeft(read) ? read.left : 'taken').toMatch(reason);
  });
});
