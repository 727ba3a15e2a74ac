import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { matchOne } from '../domain/match-one.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { Rules } from '../domain/rules.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, ReadFailure } from '../eventstore/event-store.ts';
import { activeWebhookOf } from '../projections/active-webhook.ts';
import type { Routing } from '../projections/read-models.ts';
import { webhookHistory } from './webhook-history.ts';

export interface CouldTellDeps {
  readonly log: Pick<EventStore, 'readStream'>;
  readonly models: Pick<Routing, 'belongsTo'>;
  readonly rules: Rules;
}

/** Whether a webhook, as it was at a revision, takes a change with the relations of the change's own position. */
export const couldTell =
  ({ log, models, rules }: CouldTellDeps) =>
  async (
    { event, position }: Decoded<ResourceChange>,
    webhook: string,
    revision: number,
  ): Promise<Either<ReadFailure, boolean>> => {
    const steps = await webhookHistory({ store: log }, webhook, { revision });
    if (isLeft(steps)) return steps;
    const then = steps.right.at(-1)?.after;
    if (then === undefined || then.situation !== 'enabled') return right(false);
    const { facts } = then;
    if (facts.companyId !== event.companyId) return right(false);
    const { type, resource, identifier, triggers, companyId } = event;
    const match = matchOne(
      rules,
      { type, ref: { resource, identifier }, triggers },
      (ref) => models.belongsTo(companyId, position, ref),
      facts.settings.selection,
      activeWebhookOf(facts),
    );
    return right(match !== undefined);
  };
