import { randomUUID } from 'node:crypto';
import type { Cause } from '../../src/domain/events.ts';
import { invocationGuid, scheduledEventId, streamOf } from '../../src/domain/ids.ts';
import type {
  AttemptResult,
  InvocationEvent,
  InvocationScheduled,
  MatchedResource,
} from '../../src/domain/invocation.ts';
import type { Json } from '../../src/domain/json.ts';
import { renderBody } from '../../src/domain/openticket-request.ts';
import type { Resource, ResourceRef, Trigger } from '../../src/domain/resources.ts';
import type { OpenTicketSelection, WebhookCreated } from '../../src/domain/webhook.ts';
import type { NewStream } from './data-folder.ts';

/** Webhooks, changes and invocations of the size that ticketing platforms report. */

export const COMPANY = '6f1c6c5e-1a3b-4a53-9d0e-2f6a1c9b7d10';

export const causeOf = (companyId: string, correlationId: string): Cause => ({
  correlationId,
  causationId: correlationId,
  actor: 'bench',
  companyId,
});

export const newWebhook = (
  companyId: string,
  url: string,
  sealedSecret: string,
  selection: Pick<OpenTicketSelection, 'resource' | 'trigger'> & Partial<OpenTicketSelection>,
): WebhookCreated => ({
  type: 'WebhookCreated',
  guid: randomUUID(),
  companyId,
  nonce: 'Xk2vR8mQ4tB7nZ1cL9wP',
  sealedSecret,
  settings: {
    name: 'bench',
    url,
    retries: 3,
    selection: { dialect: 'openticket', identifier: '', triggeredByChildResources: false, ...selection },
    retryBaseMs: null,
    ordering: 'none',
    coalesce: false,
  },
  atMs: Date.now(),
});

export const webhookStream = (webhook: WebhookCreated): NewStream => ({
  stream: streamOf.webhook(webhook.guid),
  events: [{ id: randomUUID(), event: webhook }],
  cause: causeOf(webhook.companyId, webhook.guid),
});

/** Each of them is told of every change that `changeOf` makes, on a path of its own. */
export const fourWebhooks = (
  receiverUrl: string,
  newSealedSecret: () => string,
): ReadonlyArray<WebhookCreated> =>
  [1, 2, 3, 4].map((path) =>
    newWebhook(COMPANY, `${receiverUrl}/webhook/${path}`, newSealedSecret(), {
      resource: 'event',
      trigger: 'update',
    }),
  );

/** What a platform says of an event. */
export const eventData = (number: number): Json => ({
  name: `Night of the Long Encore ${number}`,
  venue: { name: 'Grand Hall', city: 'Utrecht', country: 'NL', capacity: 2_400 },
  starts_at: '2031-05-17T19:30:00.000Z',
  ends_at: '2031-05-17T23:00:00.000Z',
  status: 'on_sale',
  tickets_left: number % 2_400,
});

const eventIdentifier = (number: number): string => String(100_000 + number);

/** Events that the changes over HTTP are spread over. */
const EVENTS = 1_000;

/** A change as CloudEvents 1.0; `series` keeps the ids of several calls apart. */
export const cloudEvent = (series: string, number: number): Json => ({
  specversion: '1.0',
  id: `${series}-${number}`,
  source: '/bench',
  type: 'event.update',
  subject: eventIdentifier(number % EVENTS),
  companyid: COMPANY,
  time: '2031-01-02T03:04:05.678Z',
  datacontenttype: 'application/json',
  data: eventData(number),
});

export interface Told {
  readonly webhook: WebhookCreated;
  readonly change: string;
  readonly trigger: Trigger;
  readonly origin: ResourceRef;
  /** What the webhook is told through; the origin itself when it is told directly. */
  readonly reached: ResourceRef;
  readonly dataJson: string;
  readonly atMs: number;
}

export const scheduled = ({
  webhook,
  change,
  trigger,
  origin,
  reached,
  dataJson,
  atMs,
}: Told): InvocationScheduled => {
  const guid = invocationGuid(webhook.guid, change);
  const path = reached === origin ? [origin] : [origin, reached];
  const matched: ReadonlyArray<MatchedResource> = [{ ...reached, path }];
  const { companyId } = webhook;
  const from = { ...origin, trigger };
  return {
    type: 'InvocationScheduled',
    guid,
    webhook: webhook.guid,
    companyId,
    change,
    test: false,
    resource: reached.resource,
    trigger,
    identifier: reached.identifier,
    origin: from,
    matched,
    body: renderBody({
      guid,
      webhook: webhook.guid,
      companyId,
      trigger,
      origin: from,
      matched,
      occurredAtMs: atMs,
      dataJson,
      test: false,
    }),
    retries: webhook.settings.retries,
    retryBaseMs: 30_000,
    ordering: 'none',
    coalesce: false,
    atMs,
  };
};

/** The update of an event that was not heard of before. `change` is its guid. */
export const updateStream = (change: string, number: number, atMs: number): NewStream => ({
  stream: streamOf.resource(COMPANY, 'event', eventIdentifier(number)),
  events: [
    {
      id: change,
      event: {
        type: 'ResourceChanged',
        companyId: COMPANY,
        resource: 'event',
        identifier: eventIdentifier(number),
        changeType: 'event.update',
        triggers: ['update'],
        source: '/bench',
        id: String(number),
        fingerprint: change.replaceAll('-', '').repeat(2),
        occurredAtMs: atMs,
        data: eventData(number),
        relations: { declared: [], derived: [] },
        atMs,
      },
    },
  ],
  cause: causeOf(COMPANY, change),
});

/** The same update, told to one of the four. */
export const toldOfUpdate = (webhook: WebhookCreated, change: string, number: number, atMs: number): Told => {
  const origin = { resource: 'event' as Resource, identifier: eventIdentifier(number) };
  return {
    webhook,
    change,
    trigger: 'update',
    origin,
    reached: origin,
    dataJson: JSON.stringify(eventData(number)),
    atMs,
  };
};

/** An invocation with what came after it was scheduled. */
export const invocationStream = (
  first: InvocationScheduled,
  later: ReadonlyArray<InvocationEvent>,
): NewStream => ({
  stream: streamOf.invocation(first.guid),
  events: [
    { id: (content) => scheduledEventId(first.guid, content), event: first },
    ...later.map((event) => ({ id: randomUUID(), event })),
  ],
  cause: causeOf(first.companyId, first.change ?? first.guid),
});

export const DELIVERED: AttemptResult = {
  statusCode: 204,
  error: null,
  durationMs: 12,
  address: '127.0.0.1',
  responseExcerpt: null,
};

export const UNAVAILABLE: AttemptResult = {
  ...DELIVERED,
  statusCode: 503,
  responseExcerpt: 'try again later',
};

export const attemptStarted = (webhook: WebhookCreated, number: number, atMs: number): InvocationEvent => ({
  type: 'AttemptStarted',
  number,
  url: webhook.settings.url,
  webhookRevision: 0,
  atMs,
});
