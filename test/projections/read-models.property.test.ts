import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InvocationStatus } from '../../src/domain/invocation.ts';
import { type Resource, type ResourceRef, RESOURCES, TRIGGERS } from '../../src/domain/resources.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { Group, ReadModels } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { COMPANIES, legalLog } from '../arbitraries/legal-log.ts';
import { plainInvocations, plainRouting } from './plain-models.ts';
import { allRows, withScratchFile } from './scratch-file.ts';

const GROUPS: ReadonlyArray<Group> = ['routing', 'log'];
const batchSizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 });

/** Cuts the log into batches of these sizes, over and over. */
const batches = (events: ReadonlyArray<Decoded>, sizes: ReadonlyArray<number>): ReadonlyArray<Decoded>[] => {
  const cut: ReadonlyArray<Decoded>[] = [];
  for (let from = 0, n = 0; from < events.length; n += 1) {
    const size = sizes[n % sizes.length] ?? 1;
    cut.push(events.slice(from, from + size));
    from += size;
  }
  return cut;
};

const apply = (models: ReadModels, events: ReadonlyArray<Decoded>, groups = GROUPS): void => {
  for (const group of groups) models.apply(group, events, events.at(-1)?.position ?? 0);
};

/** The tables after the log was applied in one batch to a file that did not exist. */
const rebuilt = (events: ReadonlyArray<Decoded>): unknown =>
  withScratchFile((path) => {
    const models = openReadModels({ path });
    apply(models, events);
    models.close();
    return allRows(path);
  });

describe('read models are disposable', () => {
  it('hold the same rows however the log was cut, opened in between or applied again', () => {
    fc.assert(
      fc.property(legalLog(), batchSizes, fc.nat({ max: 30 }), ({ events }, sizes, again) => {
        withScratchFile((path) => {
          let models = openReadModels({ path });
          batches(events, sizes).forEach((batch, n) => {
            apply(models, batch, n % 2 === 0 ? ['routing'] : ['log', 'routing']);
            if (n % 8 === 3) {
              models.close();
              models = openReadModels({ path });
            }
            // The other group follows from its own checkpoint; what it has seen comes again.
            const seen = Math.max(0, events.indexOf(batch[0] as Decoded) - again);
            apply(models, events.slice(seen, events.indexOf(batch.at(-1) as Decoded) + 1), ['log']);
          });
          const last = events.at(-1)?.position ?? 0;
          expect(GROUPS.map(models.checkpoint)).toEqual([last, last]);
          models.close();
          expect(allRows(path)).toEqual(rebuilt(events));
        });
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('hold nothing of a batch that could not be applied, and go on from before it', () => {
    fc.assert(
      fc.property(legalLog(40), batchSizes, ({ events }, sizes) => {
        withScratchFile((path) => {
          const models = openReadModels({ path });
          for (const batch of batches(events, sizes)) {
            const last = batch.at(-1) as Decoded;
            const unreadable = { ...last, stream: 'invocation-?', event: { ...STRAY, atMs: 0 } };
            expect(() => models.apply('log', [...batch.slice(0, -1), unreadable], last.position)).toThrow(
              'not a guid',
            );
            apply(models, batch);
          }
          models.close();
          expect(allRows(path)).toEqual(rebuilt(events));
        });
      }),
      { numRuns: 20 },
    );
  }, 60_000);
});

const STRAY = { type: 'AttemptStarted', number: 1, url: '', webhookRevision: 0 } as const;

describe('routing', () => {
  const identifiers = ['', '1', '2', '3', "it's", 'ä/%_'];

  it('answers as of every position what a fold of the log up to there says, in whatever order it is asked', () => {
    fc.assert(
      fc.property(legalLog(50), batchSizes, fc.infiniteStream(fc.nat()), ({ events }, sizes, dice) => {
        const models = openReadModels({ path: ':memory:' });
        const plain = plainRouting(events);
        for (const batch of batches(events, sizes)) {
          apply(models, batch, ['routing']);
          const head = models.checkpoint('routing');
          // The head, some place of the past, just before and after it.
          const past = (dice.next().value ?? 0) % (head + 1);
          for (const at of [head, past, Math.min(past + 1, head), 0, head]) {
            expectSameRouting(models, plain, at, identifiers);
          }
        }
        const positions = [0, ...events.map(({ position }) => position)];
        for (const at of [...positions, ...positions.reverse()]) {
          expectSameRouting(models, plain, at, identifiers);
        }
        models.close();
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  it('lists webhooks page by page', () => {
    fc.assert(
      fc.property(legalLog(), fc.integer({ min: 1, max: 3 }), ({ events }, limit) => {
        const models = openReadModels({ path: ':memory:' });
        apply(models, events);
        const plain = plainRouting(events);
        for (const companyId of COMPANIES) {
          for (let after = 0, more = true; more;) {
            const page = models.webhooksOf(companyId, 'openticket', after, limit);
            expect(page).toEqual(plain.webhooksOf(companyId, 'openticket', after, limit));
            after = page.at(-1)?.cursor ?? after;
            more = page.length > 0;
          }
        }
        models.close();
      }),
    );
  });
});

const expectSameRouting = (
  models: ReadModels,
  plain: ReturnType<typeof plainRouting>,
  at: number,
  identifiers: ReadonlyArray<string>,
): void => {
  const ask = ({ subscribersTo, belongsTo }: Pick<ReadModels, 'subscribersTo' | 'belongsTo'>): unknown => {
    const answers: unknown[] = [];
    const note = (what: unknown, answer: ReadonlyArray<unknown>): void => {
      if (answer.length > 0) answers.push([what, answer]);
    };
    for (const companyId of COMPANIES) {
      for (const resource of RESOURCES) {
        for (const identifier of identifiers) {
          const ref: ResourceRef = { resource, identifier };
          note([companyId, ref], belongsTo(companyId, at, ref));
          for (const trigger of TRIGGERS) {
            note([companyId, ref, trigger], subscribersTo(companyId, at, resource, trigger, identifier));
          }
        }
      }
    }
    return answers;
  };
  expect(ask(models)).toEqual(ask(plain));
};

describe('log', () => {
  it('answers every question about invocations as a fold of their streams does, after every batch', () => {
    fc.assert(
      fc.property(legalLog(120), batchSizes, ({ events }, sizes) => {
        const models = openReadModels({ path: ':memory:' });
        const applied: Decoded[] = [];
        for (const batch of batches(events, sizes)) {
          apply(models, batch, ['log']);
          applied.push(...batch);
          expectSameInvocations(models, applied);
        }
        models.close();
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  const filter = fc.record(
    {
      companyId: fc.constantFrom(null, ...COMPANIES),
      status: fc.constantFrom<InvocationStatus>(
        'waiting',
        'in_flight',
        'delivered',
        'exhausted',
        'cancelled',
      ),
      webhook: fc.nat(),
      change: fc.nat(),
      resource: fc.constantFrom<Resource>(...RESOURCES),
      identifier: fc.constantFrom('1', '2', '3'),
      fromMs: fc.nat({ max: 900 }).map((ms) => 1_700_000_000_000 + ms),
      toMs: fc.nat({ max: 1300 }).map((ms) => 1_700_000_000_000 + ms),
    },
    { requiredKeys: ['companyId'] },
  );

  it('lists what a filter lets through, newest first, page by page', () => {
    fc.assert(
      fc.property(
        legalLog(120),
        fc.array(filter, { minLength: 10, maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        ({ events }, filters, limit) => {
          const models = openReadModels({ path: ':memory:' });
          apply(models, events);
          const plain = plainInvocations(events);
          const scheduled = events.flatMap(({ event }) =>
            event.type === 'InvocationScheduled' ? [event] : [],
          );
          for (const { webhook, change, ...rest } of filters) {
            const one = (n: number) => scheduled[n % Math.max(scheduled.length, 1)];
            const wantedWebhook = webhook === undefined ? undefined : one(webhook)?.webhook;
            const wantedChange = change === undefined ? undefined : one(change)?.change;
            const wanted = {
              ...rest,
              ...(wantedWebhook !== undefined && { webhook: wantedWebhook }),
              ...(typeof wantedChange === 'string' && { change: wantedChange }),
            };
            let before: number | undefined;
            for (;;) {
              const page = models.invocations(wanted, before, limit);
              expect(page).toEqual(plain.invocations(wanted, before, limit));
              if (page.length === 0) break;
              before = page.at(-1)?.position;
            }
            // In short searches, one after the other, the same is found.
            const found: unknown[] = [];
            let from: number | undefined;
            do {
              const search = models.searchInvocations(wanted, from, limit, 2 * limit);
              found.push(...search.rows);
              from = search.rows.length === limit ? search.rows.at(-1)?.position : search.searchedTo;
            } while (from !== undefined);
            expect(found).toEqual(plain.invocations(wanted, undefined, events.length));
          }
          models.close();
        },
      ),
      { numRuns: 80 },
    );
  }, 60_000);
});

const expectSameInvocations = (models: ReadModels, applied: ReadonlyArray<Decoded>): void => {
  const scheduled = applied.flatMap(({ event, position }) =>
    event.type === 'InvocationScheduled' ? [{ event, position }] : [],
  );
  const webhooks = [...new Set(scheduled.map(({ event }) => event.webhook))];
  const head = applied.at(-1)?.position ?? 0;
  const nowMs = 1_700_000_000_000 + applied.length * 8;
  const ask = (source: ReturnType<typeof plainInvocations>): unknown => ({
    counts: source.counts(),
    rows: scheduled.map(({ event }) => source.invocation(event.guid)),
    inFlight: [source.inFlight(0, 2), source.inFlight(Math.floor(head / 2), 100)],
    due: [nowMs, Number.POSITIVE_INFINITY].map((untilMs) => ({
      all: [...source.webhooksDue(Number.NEGATIVE_INFINITY, untilMs)].sort(),
      late: [...source.webhooksDue(nowMs - 50, untilMs)].sort(),
      nextFirst: source.nextFirstAfter(nowMs - 50),
      retries: [...source.webhooksDue(nowMs - 50, untilMs, true)].sort(),
      next: source.nextDueAfter(untilMs),
    })),
    next: source.nextDueAfter(Number.NEGATIVE_INFINITY),
    webhooks: webhooks.map((webhook) => ({
      due: [source.dueOf(webhook, nowMs, 2), source.dueOf(webhook, Number.MAX_SAFE_INTEGER, 100)],
      waiting: [
        source.waitingOf(webhook, head + 1, 0, 2),
        source.waitingOf(webhook, Math.floor(head / 2), 1, 100),
      ],
      failed: [source.failedOf(webhook, 0, 100), source.failedOf(webhook, Math.floor(head / 3), 1)],
    })),
    origins: scheduled.map(({ event, position }) => [
      source.olderWaiting(event.webhook, event.origin, position),
      source.newerThan(event.webhook, event.origin, position),
    ]),
  });
  expect(ask(models)).toEqual(ask(plainInvocations(applied)));
};
