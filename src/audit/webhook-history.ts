import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { streamOf } from '../domain/ids.ts';
import { evolveWebhook, initialWebhook, type WebhookEvent, type WebhookState } from '../domain/webhook.ts';
import { decode } from '../eventstore/codec.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, ReadFailure } from '../eventstore/event-store.ts';

/** One thing that happened to a webhook: who did it stands in the metadata. */
export interface WebhookStep {
  readonly decoded: Decoded<WebhookEvent>;
  readonly before: WebhookState;
  readonly after: WebhookState;
}

/** A moment in its life: a time in milliseconds since the epoch, or a revision. Not every store tells positions here. */
export type Moment = { readonly atMs: number } | { readonly revision: number };

const PAGE = 500;

/**
 * All that happened to a webhook up to a moment, oldest first; nothing where it did not exist. Reads its own stream alone.
 * Throws for an event that cannot be read.
 */
export const webhookHistory = async (
  { store }: { readonly store: Pick<EventStore, 'readStream'> },
  guid: string,
  upTo?: Moment,
): Promise<Either<ReadFailure, ReadonlyArray<WebhookStep>>> => {
  const stream = streamOf.webhook(guid);
  const steps: WebhookStep[] = [];
  let state: WebhookState = initialWebhook;
  for (;;) {
    const page = await store.readStream(stream, { fromRevision: steps.length, limit: PAGE })();
    if (isLeft(page)) return page;
    for (const recorded of page.right) {
      const found = decode(recorded);
      if (isLeft(found)) throw new Error(`${stream} cannot be read at revision ${recorded.revision}`);
      const decoded = found.right as Decoded<WebhookEvent>;
      if (upTo !== undefined && isAfter(decoded, upTo)) return right(steps);
      const after = evolveWebhook(state, decoded.event);
      steps.push({ decoded, before: state, after });
      state = after;
    }
    if (page.right.length < PAGE) return right(steps);
  }
};

const isAfter = ({ event, revision }: Decoded<WebhookEvent>, moment: Moment): boolean =>
  'atMs' in moment ? event.atMs > moment.atMs : revision > moment.revision;
