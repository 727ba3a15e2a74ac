import { randomUUID } from 'node:crypto';
import { streamOf } from '../../src/domain/ids.ts';
import type { InvocationEvent, InvocationScheduled } from '../../src/domain/invocation.ts';
import type { ResourceChange } from '../../src/domain/resource-change.ts';
import type { WebhookCreated } from '../../src/domain/webhook.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { Position } from '../../src/eventstore/event-store.ts';
import { causeOf, COMPANY, DELIVERED, UNAVAILABLE } from './made-up.ts';

/** Invocations of one batch; each tells one webhook of one change. */
const PER_BATCH = 10_000;
const PER_CHANGE = 100;
const DAY_MS = 24 * 60 * 60 * 1000;
const DAYS = 7;
/** Every so many is exhausted; the others are delivered. */
const EXHAUSTED_EVERY = 100;

export interface LostHistory {
  readonly webhooks: ReadonlyArray<WebhookCreated>;
  /** The first ones are told of half of everything. */
  readonly busy: number;
  readonly invocations: number;
  /** Before the position of its first event. */
  readonly after: Position;
}

/**
 * A week of invocations as the read models are told of it, batch by batch: what they write is what the projector wrote
 * of such a week, without the tens of gigabytes of a log that pages of the newest do not look at. The last batches tell every
 * webhook once, within the hour.
 */
export function* lostHistory(history: LostHistory): Generator<ReadonlyArray<Decoded>> {
  const { webhooks, busy, invocations } = history;
  const nowMs = Date.now();
  const lastRound = Math.min(webhooks.length, invocations);
  const before = invocations - lastRound;
  let position = history.after;
  let quiet = busy;
  for (let done = 0; done < invocations;) {
    const isLast = done >= before;
    const size = Math.min(PER_BATCH, (isLast ? invocations : before) - done);
    const share = isLast ? 1 : done / before;
    const atMs = Math.round(nowMs - DAYS * DAY_MS * (1 - share)) - (isLast ? 30 : 120) * 60_000;
    const decoded: Decoded[] = [];
    let change = '';
    for (let number = 0; number < size; number += 1) {
      if (number % PER_CHANGE === 0) {
        change = randomUUID();
        decoded.push(changed(change, done + number, (position += 1), atMs));
      }
      // A webhook's invocations of a batch lie together, as those of a busy evening do.
      if (!isLast && number % 20 === 0) quiet = quiet + 1 < webhooks.length ? quiet + 1 : busy;
      const place = isLast
        ? done - before + number
        : number % 2 === 0
          ? Math.floor(number / 2) % busy
          : quiet;
      const webhook = webhooks[place];
      if (webhook === undefined) throw new Error(`there is no webhook ${place}`);
      const isExhausted = number % EXHAUSTED_EVERY === 0;
      for (const event of told(webhook, change, done + number, atMs, isExhausted)) {
        decoded.push(invocationEvent(event.guid, event.event, (position += 1)));
      }
    }
    yield decoded;
    done += size;
  }
}

const METADATA = { ...causeOf(COMPANY, COMPANY), time: '', schemaVersion: 1, hash: '' };

const invocationEvent = (guid: string, event: InvocationEvent, position: Position): Decoded => ({
  id: guid,
  stream: streamOf.invocation(guid),
  revision: event.type === 'InvocationScheduled' ? 0 : 1,
  position,
  event,
  metadata: METADATA,
});

function* told(
  webhook: WebhookCreated,
  change: string,
  number: number,
  atMs: number,
  isExhausted: boolean,
): Generator<{ readonly guid: string; readonly event: InvocationEvent }> {
  const guid = randomUUID();
  const origin = { resource: 'event', identifier: identifierOf(number) } as const;
  const event: InvocationScheduled = {
    type: 'InvocationScheduled',
    guid,
    webhook: webhook.guid,
    companyId: COMPANY,
    change,
    test: false,
    ...origin,
    trigger: 'update',
    origin: { ...origin, trigger: 'update' },
    matched: [],
    body: '',
    retries: 0,
    retryBaseMs: 30_000,
    ordering: 'none',
    coalesce: false,
    atMs,
  };
  yield { guid, event };
  yield {
    guid,
    event: isExhausted
      ? {
          type: 'AttemptFailed',
          number: 1,
          outcome: 'failed',
          result: UNAVAILABLE,
          nextAttemptAtMs: null,
          atMs,
        }
      : { type: 'InvocationDelivered', number: 1, result: DELIVERED, atMs },
  };
}

/** Events of a season, each changed again and again. */
const SEASON = 20_000;

const identifierOf = (number: number): string => `of-old-${Math.floor(number / PER_CHANGE) % SEASON}`;

const changed = (id: string, number: number, position: Position, atMs: number): Decoded<ResourceChange> => ({
  id,
  stream: streamOf.resource(COMPANY, 'event', identifierOf(number)),
  revision: Math.floor(number / PER_CHANGE / SEASON),
  position,
  event: {
    type: 'ResourceChanged',
    companyId: COMPANY,
    resource: 'event',
    identifier: identifierOf(number),
    changeType: 'event.update',
    triggers: ['update'],
    source: '/bench/lost',
    id: String(position),
    fingerprint: id.replaceAll('-', '').repeat(2),
    occurredAtMs: atMs,
    data: null,
    relations: { declared: [], derived: [] },
    atMs,
  },
  metadata: METADATA,
});
