import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { belongsTo, type ResourceChange } from '../../src/domain/resource-change.ts';
import { type ResourceRef, RESOURCES, sameRef } from '../../src/domain/resources.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { Belonging, ReadModels } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { COMPANIES, legalLog } from '../arbitraries/legal-log.ts';
import { changed, COMPANY, follow } from './story.ts';

const isChange = (decoded: Decoded): decoded is Decoded<ResourceChange> => 'relations' in decoded.event;

/** What belongs to it as of `at`, by going through the log from its beginning. */
const plainly = (
  log: ReadonlyArray<Decoded>,
  companyId: string,
  at: number,
  parent: ResourceRef,
): ReadonlyArray<Belonging> => {
  const found = new Map<string, Belonging>();
  for (const { event, position } of log.filter(isChange)) {
    if (position > at || event.companyId !== companyId) continue;
    const ref = { resource: event.resource, identifier: event.identifier };
    const key = `${ref.resource} ${ref.identifier}`;
    const belongs = [...belongsTo(event.relations)].some((one) => sameRef(one, parent));
    if (!belongs) found.delete(key);
    else if (!found.has(key)) found.set(key, { since: position, ref });
  }
  return [...found.values()].sort((a, b) => a.since - b.since);
};

const pages = (models: ReadModels, at: number, parent: ResourceRef, limit: number, companyId = COMPANY) => {
  const found: Belonging[] = [];
  let count = 0;
  for (let after: number | null = 0; after !== null; count += 1) {
    const page = models.belongingTo(companyId, at, parent, after, limit);
    expect(page.found.length).toBeLessThanOrEqual(limit);
    found.push(...page.found);
    after = page.next;
  }
  return { found, count };
};

describe('what belongs to a resource', () => {
  it('is, as of every position and in pages of any size, what the log up to there says', () => {
    fc.assert(
      fc.property(legalLog(80), fc.integer({ min: 1, max: 4 }), ({ events }, limit) => {
        const models = openReadModels({ path: ':memory:' });
        const head = events.at(-1)?.position ?? 0;
        for (const group of ['routing', 'log'] as const) models.apply(group, events, head);
        const named = events
          .filter(isChange)
          .flatMap(({ event }) => [...belongsTo(event.relations)].map((ref) => ref.identifier));
        const identifiers = [...new Set(['1', ...named])];
        for (const { position: at } of [...events, { position: Number.MAX_SAFE_INTEGER }]) {
          for (const companyId of COMPANIES) {
            for (const resource of RESOURCES) {
              for (const identifier of identifiers) {
                const parent = { resource, identifier };
                const expected = plainly(events, companyId, at, parent);
                expect(pages(models, at, parent, limit, companyId).found).toEqual(expected);
                if (expected.length > 0) expect(models.wasNamed(companyId, at, parent)).toBe(true);
              }
            }
          }
        }
        models.close();
      }),
      { numRuns: 15 },
    );
  }, 60_000);

  it('ends its pages early where most have left', () => {
    const models = openReadModels({ path: ':memory:' });
    const log = follow(models);
    const event = { resource: 'event', identifier: 'e' } as const;
    const order = (n: number) => ({ resource: 'order', identifier: `o${n}` }) as const;
    const orders = 2_500;
    for (let n = 0; n < orders; n += 1) log.change(changed(order(n), [event]));
    for (let n = 0; n < orders - 1; n += 1) log.change(changed(order(n)));
    log.catchUp();
    const end = log.events.length;
    const { found, count } = pages(models, end, event, 50);
    expect(found).toEqual([{ since: orders, ref: order(orders - 1) }]);
    expect(count).toBe(3);
    // Before they left they were all there.
    expect(pages(models, orders, event, 200).found).toHaveLength(orders);
    expect(models.wasNamed(COMPANY, 0, event)).toBe(false);
    models.close();
  });
});
