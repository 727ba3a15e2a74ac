import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { hearersOf } from '../../src/delivery/fan-out.ts';
import type { DomainEvent } from '../../src/domain/events.ts';
import { streamOf } from '../../src/domain/ids.ts';
import type { ResourceChange } from '../../src/domain/resource-change.ts';
import type { ResourceRef } from '../../src/domain/resources.ts';
import { BUILT_IN_RULES } from '../../src/domain/rules.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import { silentLog } from '../../src/ports/log.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import type { Figure, Row } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import { causeOf, newWebhook } from '../support/made-up.ts';

/**
 * What it costs to find who hears of one change, in tables on disk. However many webhooks there are, four hear of each
 * change: one on the ticket that changed, three on the event that it belongs to. Half of all webhooks are one company's.
 */
export const matching: Figure = {
  name: 'matching',
  async measure(bench) {
    const { matchingWebhooks: sizes, matchingChangesPerRun } = bench.size;
    const folder = bench.newFolder('matching');
    const worlds = sizes.map((webhooks) => {
      bench.progress(`filling the tables with ${webhooks} webhooks`);
      return fillWorld(join(folder, `${webhooks}.db`), webhooks);
    });
    for (const world of worlds) matchSome(world, matchingChangesPerRun);

    const sides: Record<string, () => Promise<number>> = {};
    for (const world of worlds) {
      sides[`in a map of ${world.webhooks}`] = async () => lookUpSome(world, matchingChangesPerRun);
      sides[`among ${world.webhooks}`] = async () => matchSome(world, matchingChangesPerRun);
    }
    const costs = await interleaved(bench.runs, sides, (run, side, us) => {
      bench.progress(`run ${run}, ${side} webhooks: ${us.toFixed(1)} µs a change`);
    });
    for (const { readModels } of worlds) readModels.close();
    bench.removeFolder(folder);

    const costsAt = (size: number | undefined): ReadonlyArray<number> => costs[`among ${size}`] ?? [];
    const text = (size: number | undefined): string => (size ?? 0).toLocaleString('en-US');
    const rows = sizes.map((size): Row => ({
      figure: `Matching one change among ${text(size)} webhooks`,
      unit: 'µs',
      runs: costsAt(size),
      baseline: { name: 'look-ups in a Map', unit: 'µs', runs: costs[`in a map of ${size}`] ?? [] },
      goal: null,
    }));
    const [smallest, largest] = [sizes[0], sizes.at(-1)];
    rows.push({
      figure: `… among ${text(largest)}, against ${text(smallest)}`,
      unit: 'µs',
      runs: costsAt(largest),
      baseline: { name: `among ${text(smallest)}`, unit: 'µs', runs: costsAt(smallest) },
      goal: { of: 'ratio', atMost: 2 },
    });
    return rows;
  },
};

/** Webhooks come in groups of four around a ticket and its event. */
const GROUP = 4;
const WEBHOOKS_PER_COMPANY_MAX = 1_000;
const APPLIED_AT_ONCE = 2_000;

interface World {
  readonly webhooks: number;
  readonly readModels: ReadModels;
  /** Position of the newest event. */
  readonly head: number;
  readonly changes: ReadonlyArray<{ readonly companyId: string; readonly group: number }>;
  /** The same answers in memory: what a look-up costs at least. */
  readonly map: ReadonlyMap<string, ReadonlyArray<string>>;
}

const fillWorld = (path: string, webhooks: number): World => {
  const readModels = openReadModels({ path, log: silentLog });
  const changes: Array<World['changes'][number]> = [];
  const map = new Map<string, string[]>();
  let head = 0;
  let batch: Decoded[] = [];
  const flush = (): void => {
    readModels.apply('routing', batch, head);
    batch = [];
  };
  const take = (stream: string, event: DomainEvent, companyId: string): void => {
    head += 1;
    batch.push(decoded(stream, event, companyId, head));
    if (batch.length >= APPLIED_AT_ONCE) flush();
  };

  for (const { companyId, groups } of companiesOf(webhooks)) {
    for (let group = 0; group < groups; group += 1) {
      const [ticket, event] = [ticketOf(group), eventOf(group)];
      changes.push({ companyId, group });
      const report = ticketUpdate(companyId, ticket, event);
      take(streamOf.resource(companyId, 'ticket', ticket.identifier), report, companyId);
      for (let place = 0; place < GROUP; place += 1) {
        const on = place === 0 ? ticket : event;
        const selection = { ...on, trigger: 'update', triggeredByChildResources: place > 0 } as const;
        const webhook = newWebhook(companyId, 'https://example.com/webhook', 'none', selection);
        take(streamOf.webhook(webhook.guid), webhook, companyId);
        const key = mapKey(companyId, on);
        const known = map.get(key);
        if (known === undefined) map.set(key, [webhook.guid]);
        else known.push(webhook.guid);
      }
    }
  }
  flush();
  return { webhooks, readModels, head, changes, map };
};

/** One company with half of all, the rest in companies of a thousand at most. */
const companiesOf = (
  webhooks: number,
): ReadonlyArray<{ readonly companyId: string; readonly groups: number }> => {
  const company = (size: number) => ({ companyId: randomUUID(), groups: Math.floor(size / GROUP) });
  const companies = [company(webhooks / 2)];
  for (let left = webhooks / 2; left > 0; left -= WEBHOOKS_PER_COMPANY_MAX) {
    companies.push(company(Math.min(left, WEBHOOKS_PER_COMPANY_MAX)));
  }
  return companies;
};

const ticketOf = (group: number): ResourceRef => ({ resource: 'ticket', identifier: `T${200_000 + group}` });
const eventOf = (group: number): ResourceRef => ({ resource: 'event', identifier: `E${100_000 + group}` });

const ticketUpdate = (companyId: string, ticket: ResourceRef, event: ResourceRef): ResourceChange => ({
  type: 'ResourceChanged',
  companyId,
  ...ticket,
  changeType: 'ticket.update',
  triggers: ['update'],
  source: '/bench',
  id: ticket.identifier,
  fingerprint: 'none',
  occurredAtMs: 0,
  data: {},
  relations: { declared: [event], derived: [] },
  atMs: 0,
});

const decoded = <E extends DomainEvent>(
  stream: string,
  event: E,
  companyId: string,
  position: number,
): Decoded<E> => ({
  id: randomUUID(),
  stream,
  revision: 0,
  position,
  event,
  metadata: { ...causeOf(companyId, stream), time: '1970-01-01T00:00:00.000Z', schemaVersion: 1, hash: '' },
});

const mapKey = (companyId: string, { resource, identifier }: ResourceRef): string =>
  `${companyId} ${resource} update ${identifier}`;

/** Microseconds for one change, drawn from all. */
const matchSome = (world: World, count: number): number => {
  const drawn = draw(world, count).map(({ companyId, group }) =>
    decoded('ticket', ticketUpdate(companyId, ticketOf(group), eventOf(group)), companyId, world.head + 1),
  );
  const deps = { routing: world.readModels, rules: BUILT_IN_RULES };
  return timed(drawn, (change) => hearersOf(deps, change).length);
};

const lookUpSome = ({ map, ...world }: World, count: number): number =>
  timed(draw(world, count), ({ companyId, group }) =>
    [ticketOf(group), eventOf(group)].reduce(
      (found, ref) => found + (map.get(mapKey(companyId, ref))?.length ?? 0),
      0,
    ),
  );

const draw = ({ changes }: Pick<World, 'changes'>, count: number): World['changes'] =>
  Array.from({ length: count }, () => {
    const drawn = changes[Math.floor(Math.random() * changes.length)];
    if (drawn === undefined) throw new Error('there are no changes to draw from');
    return drawn;
  });

const timed = <T>(items: ReadonlyArray<T>, hearers: (item: T) => number): number => {
  let found = 0;
  const startedMs = performance.now();
  for (const item of items) found += hearers(item);
  const elapsedMs = performance.now() - startedMs;
  if (found !== items.length * GROUP) throw new Error(`${found} heard of ${items.length} changes`);
  return (elapsedMs * 1000) / items.length;
};
