import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { streamOf } from '../domain/ids.ts';
import type { JobScope } from '../domain/job.ts';
import { matchOne } from '../domain/match-one.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import { RESOURCES } from '../domain/resources.ts';
import type { Rules } from '../domain/rules.ts';
import type { WebhookFacts } from '../domain/webhook.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, Position, ReadFailure } from '../eventstore/event-store.ts';
import { oursOf } from '../eventstore/ours.ts';
import { decodeAll } from '../projections/projector.ts';
import { activeWebhookOf } from '../projections/active-webhook.ts';
import type { Changes, Routing } from '../projections/read-models.ts';

/** Some of a company's changes, in the order of the log. */
export interface ChangePage {
  readonly changes: ReadonlyArray<Decoded<ResourceChange>>;
  /** Everything up to there was looked at. */
  readonly next: Position;
  readonly atEnd: boolean;
}

/** A change can hold a megabyte; a page is held in memory. */
const PAGE = 200;

/** Where to begin so that nothing of the period is missed; undefined: nothing lies in it. */
export const startOfPeriod = (
  readModels: Pick<Changes, 'changesAfter'>,
  { fromMs }: JobScope,
): Position | undefined => (fromMs === null ? 0 : readModels.changesAfter(fromMs));

/** Whether the webhook, as it is now, would have been told of a change, by the relations of then. */
export const wouldHear = (
  { rules, readModels }: { readonly rules: Rules; readonly readModels: Pick<Routing, 'belongsTo'> },
  facts: WebhookFacts,
) => {
  const active = activeWebhookOf(facts);
  return ({ event, position }: Decoded<ResourceChange>) => {
    const { type, resource, identifier, triggers, companyId } = event;
    return matchOne(
      rules,
      { type, ref: { resource, identifier }, triggers },
      (of) => readModels.belongsTo(companyId, position, of),
      facts.settings.selection,
      active,
    );
  };
};

/** The next changes of a scope's company and period, after < position < before. */
export const changesOf = async (
  store: Pick<EventStore, 'readAll'>,
  { companyId, fromMs, toMs }: JobScope,
  after: Position,
  before: Position,
): Promise<Either<ReadFailure, ChangePage>> => {
  const streamPrefixes = RESOURCES.map((resource) => streamOf.resource(companyId, resource, ''));
  const page = await store.readAll({ after, limit: PAGE, filter: { streamPrefixes } })();
  if (isLeft(page)) return page;
  const { events, next, atEnd } = page.right;
  const found = oursOf(events).filter(({ position }) => position < before);
  const decoded = decodeAll(found) as ReadonlyArray<Decoded<ResourceChange>>;
  const changes = decoded.filter(
    ({ event }) => (fromMs === null || event.atMs >= fromMs) && (toMs === null || event.atMs < toMs),
  );
  return right({ changes, next, atEnd: atEnd || next >= before });
};
