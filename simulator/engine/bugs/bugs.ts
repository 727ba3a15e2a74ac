import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { DomainEvent } from '../../../src/domain/events.ts';
import { Webhooks, type WebhookSnapshot } from '../../../src/commands/webhooks.ts';
import type { EventStore, StreamAppend } from '../../../src/eventstore/event-store.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { HttpSender, SendOutcome, SendRequest } from '../../../src/ports/http-sender.ts';
import type { ReadModels } from '../../../src/projections/read-models.ts';
import { type Bug, bothStores, bug, type Ground } from './bug.ts';
import { CLUSTER_BUGS } from './cluster-bugs.ts';
import { eventsIn, rewritten } from './rewrite.ts';

const rewriting = (
  { ports, sim }: Ground,
  change: (events: ReadonlyArray<DomainEvent>, stream: string) => ReadonlyArray<DomainEvent> | undefined,
): EventStore => ({
  ...ports.store,
  append: (batch) =>
    ports.store.append(
      batch.map((append) =>
        append.stream.startsWith('invocation-')
          ? rewritten(sim.disk, append, (events) => change(events, append.stream))
          : append,
      ),
    ),
});

const holds = (batch: ReadonlyArray<StreamAppend>, type: string): boolean =>
  batch.some(({ events }) => events.some((event) => event.type === type));

const sending = (
  { ports }: Ground,
  change: {
    readonly request?: (request: SendRequest) => SendRequest;
    readonly outcome?: (outcome: SendOutcome) => SendOutcome;
  },
): { readonly sender: HttpSender } => ({
  sender: {
    ...ports.sender,
    send: async (request, signal) => {
      const outcome = await ports.sender.send(change.request?.(request) ?? request, signal);
      return change.outcome?.(outcome) ?? outcome;
    },
  },
});

const readingModels = ({ ports }: Ground, change: (models: ReadModels) => Partial<ReadModels>) => ({
  readModels: { ...ports.readModels, ...change(ports.readModels) },
});

/** Says of every webhook that it is enabled. */
class NeverOff extends Webhooks {
  override async get(guid: string): ReturnType<Webhooks['get']> {
    const found = await super.get(guid);
    return isLeft(found) ? found : right(enabled(found.right));
  }

  override cached(guid: string): WebhookSnapshot | undefined {
    const found = super.cached(guid);
    return found === undefined ? undefined : enabled(found);
  }
}

const enabled = (snapshot: WebhookSnapshot): WebhookSnapshot => ({
  ...snapshot,
  webhook: { situation: 'enabled', facts: snapshot.webhook.facts },
});

/** What has been found in the field, at others or here; each planted at a port, with the product as it is. */
export const BUGS: ReadonlyArray<Bug> = [
  bug('ack-before-append', 'a report is answered before it is on disk', ['S1'], ({ ports, sim }) => ({
    intakeStore: {
      ...ports.store,
      append: (batch) => async () => {
        void ports.store.append(batch)();
        return right(
          batch.map(({ expectedRevision, events }) => ({
            revision: expectedRevision + events.length,
            position: sim.disk.head,
          })),
        );
      },
    },
  })),
  bug('start-after-send', 'the start of an attempt is recorded after it was sent', ['S5'], ({ ports }) =>
    bothStores({
      ...ports.store,
      append: (batch) =>
        holds(batch, 'AttemptStarted') && batch.length === 1
          ? async () => {
              void ports.store.append(batch)();
              return right(
                batch.map(({ expectedRevision, events }) => ({
                  revision: expectedRevision + events.length,
                  position: 0,
                })),
              );
            }
          : ports.store.append(batch),
    }),
  ),
  bug(
    'no-fencing',
    'who finds that somebody else wrote first writes behind them',
    ['S3', 'S4', 'S7', 'S8', 'S12'],
    (ground) => {
      const { ports, sim } = ground;
      return bothStores({
        ...ports.store,
        append: (batch) => async () => {
          const appended = await ports.store.append(batch)();
          if (!isLeft(appended) || appended.left._tag !== 'WrongExpectedRevision') return appended;
          const { stream, actual } = appended.left;
          if (!stream.startsWith('invocation-') || actual < 0) return appended;
          const behind = batch.map((append) =>
            append.stream === stream
              ? rewritten(sim.disk, { ...append, expectedRevision: actual }, (same) => same)
              : append,
          );
          return ports.store.append(behind)();
        },
      });
    },
  ),
  bug('early-retry', 'a retry starts a millisecond before it is due', ['S6'], ({ ports }) => {
    let fired = 0;
    const clock: Clock = {
      ...ports.clock,
      nowMs: () => ports.clock.nowMs() + (fired > 0 && ports.clock.monotonicMs() <= fired ? 1 : 0),
      setTimer: (delayMs, callback) =>
        ports.clock.setTimer(Math.max(delayMs - 1, 0), () => {
          fired = ports.clock.monotonicMs();
          callback();
        }),
    };
    return { clock };
  }),
  bug('last-retry-skipped', 'the last retry of a round is not made', ['S4'], (ground) =>
    bothStores(
      rewriting(ground, (events, stream) => {
        const [failed] = events;
        if (failed?.type !== 'AttemptFailed' || failed.nextAttemptAtMs === null || events.length > 1)
          return undefined;
        const known = ground.sim.auditor.deliveries.invocations.get(stream.slice('invocation-'.length));
        if (known === undefined || failed.number - known.attemptsBefore < known.retries) return undefined;
        return [
          { ...failed, nextAttemptAtMs: null },
          { type: 'InvocationExhausted', gone: false, atMs: failed.atMs },
        ];
      }),
    ),
  ),
  bug('jitter-down', 'jitter shortens the wait', ['S6'], (ground) =>
    bothStores(
      rewriting(ground, (events) =>
        events.some((event) => event.type === 'AttemptFailed' && event.nextAttemptAtMs !== null)
          ? events.map((event) =>
              event.type === 'AttemptFailed' && event.nextAttemptAtMs !== null
                ? {
                    ...event,
                    nextAttemptAtMs: event.atMs + Math.floor((event.nextAttemptAtMs - event.atMs) * 0.9),
                  }
                : event,
            )
          : undefined,
      ),
    ),
  ),
  bug('fan-out-twice', 'after a restart a change is fanned out under new names', ['S3'], (ground) => {
    const { ports, process, isReady, sim } = ground;
    const again = (append: StreamAppend): StreamAppend => {
      const [scheduled] = eventsIn(append);
      if (scheduled?.type !== 'InvocationScheduled' || process === 1 || isReady()) return append;
      const guid = sim.ids.uuid();
      const [event] = append.events;
      if (event === undefined) return append;
      const renamed = { ...append, stream: `invocation-${guid}`, events: [{ ...event, id: sim.ids.uuid() }] };
      return rewritten(sim.disk, renamed, () => [{ ...scheduled, guid }]);
    };
    return {
      ...bothStores({ ...ports.store, append: (batch) => ports.store.append(batch.map(again)) }),
      ...readingModels(ground, (models) => ({
        invocation: (guid) => (process > 1 && !isReady() ? undefined : models.invocation(guid)),
      })),
    };
  }),
  bug(
    'rows-before-checkpoint',
    'rows and checkpoint of the read models are two transactions',
    ['S13', 'S2', 'L1', 'L3', 'S3'],
    (ground) => {
      ground.leftover.lost = 3;
      return {};
    },
  ),
  bug(
    'idempotency-ignored',
    'the same report is taken again once the read models know it',
    ['S2'],
    (ground) => readingModels(ground, () => ({ change: () => undefined })),
  ),
  bug('tenant-filter-dropped', 'webhooks of other companies hear of a change', ['S3', 'S11'], (ground) =>
    readingModels(ground, (models) => ({
      subscribersTo: (_company, ...question) => {
        const companies = new Set([...ground.sim.auditor.webhooks.values()].map(({ company }) => company));
        return [...companies].flatMap((company) => models.subscribersTo(company, ...question));
      },
    })),
  ),
  bug(
    'tenant-filter-dropped-in-list',
    'a company is shown the invocations of others',
    ['S11', 'S13'],
    (ground) =>
      readingModels(ground, (models) => ({
        invocations: (filter, before, limit) =>
          models.invocations({ ...filter, companyId: null }, before, limit),
      })),
  ),
  bug('response-cap-missing', 'the whole answer of a receiver is kept', ['S17'], (ground) =>
    sending(ground, {
      outcome: (outcome) =>
        outcome.kind === 'answered' && outcome.responseExcerpt !== null
          ? { ...outcome, responseExcerpt: outcome.responseExcerpt.repeat(2) }
          : outcome,
    }),
  ),
  bug('terminal-twice', 'the end of an invocation is recorded twice', ['S7'], (ground) =>
    bothStores(
      rewriting(ground, (events) => {
        const last = events.at(-1);
        return last?.type === 'InvocationDelivered' || last?.type === 'InvocationExhausted'
          ? [...events, last]
          : undefined;
      }),
    ),
  ),
  bug('sent-while-disabled', 'a disabled or deleted webhook is still sent to', ['S10'], () => ({
    settings: { makeWebhooks: (deps) => new NeverOff(deps) },
  })),
  bug('retry-after-ignored', 'what a busy receiver asked for is not heard', ['S6'], (ground) => {
    const heard = ground.ports.sender;
    return { sender: { ...heard, send: async (request, signal) => deaf(await heard.send(request, signal)) } };
  }),
  bug(
    'subscription-gap',
    'now and then a batch of the subscription is lost',
    ['S2', 'S3', 'S13', 'L1', 'L3'],
    ({ ports }) => {
      let batches = 0;
      return bothStores({
        ...ports.store,
        subscribe: (options) =>
          ports.store.subscribe({
            ...options,
            onEvents: (events, upTo) => {
              batches += 1;
              return options.onEvents(batches % 40 === 0 ? [] : events, upTo);
            },
          }),
      });
    },
  ),
  bug('body-changes', 'a retry sends other bytes', ['S9'], (ground) =>
    sending(ground, {
      request: (request) =>
        Number(request.headers['webhook-timestamp']) % 2 === 0
          ? request
          : { ...request, body: `${request.body} ` },
    }),
  ),
  bug('old-secret-only', 'after a rotation only the secret before it signs', ['S9'], (ground) =>
    sending(ground, {
      request: (request) => {
        const { secrets } = request;
        return secrets.length > 1 ? { ...request, secrets: secrets.slice(1) } : request;
      },
    }),
  ),
  bug(
    'unknown-taken-as-failed',
    'an append whose outcome is unknown is taken for not stored',
    ['L2', 'L1', 'S12', 'S8', 'S4', 'S5', 'D1'],
    ({ ports }) =>
      bothStores({
        ...ports.store,
        append: (batch) => async () => {
          const appended = await ports.store.append(batch)();
          return isLeft(appended) && appended.left._tag === 'OutcomeUnknown'
            ? left({ ...appended.left, _tag: 'StoreUnavailable' })
            : appended;
        },
      }),
  ),
  bug(
    'recovery-forgotten',
    'what was in flight at a crash is not recorded as interrupted',
    ['L2', 'L1'],
    (ground) => readingModels(ground, () => ({ inFlight: () => [] })),
  ),
  bug('long-timers-lost', 'timers of more than ten minutes never fire', ['L1'], ({ ports }) => ({
    clock: {
      ...ports.clock,
      setTimer: (delayMs, callback) =>
        delayMs > 10 * 60_000 ? { cancel: () => undefined } : ports.clock.setTimer(delayMs, callback),
    },
  })),
  bug('order-forgotten', 'ordered webhooks are told in any order', ['S21', 'S4', 'S3'], (ground) =>
    readingModels(ground, (models) => ({
      dueOf: (webhook, nowMs, limit) => [
        ...models.dueOf(webhook, nowMs, limit),
        ...models
          .waitingOf(webhook, Number.MAX_SAFE_INTEGER, 0, limit)
          .map(({ guid, position }) => ({ guid, position, retry: true, dueAtMs: nowMs })),
      ],
    })),
  ),
  bug('delivered-without-answer', 'a request that timed out counts as delivered', ['S12'], (ground) => ({
    sender: {
      ...ground.ports.sender,
      send: async (request, signal) => {
        const outcome = await ground.ports.sender.send(request, signal);
        return outcome.kind === 'not_answered' && outcome.error.startsWith('timed out')
          ? {
              kind: 'answered',
              statusCode: 200,
              retryAfter: null,
              responseExcerpt: null,
              address: outcome.address,
            }
          : outcome;
      },
    },
  })),
  bug('secret-in-the-log', 'a signing secret is written to the log of the operator', ['S18'], (ground) => {
    const { ports, settings } = ground;
    const open = settings.box.open.bind(settings.box);
    return {
      settings: {
        box: {
          ...settings.box,
          open: (sealed) => {
            const secret = open(sealed);
            ports.log.warn({ secret }, 'opened');
            return secret;
          },
        },
      },
    };
  }),
  ...CLUSTER_BUGS,
];

const deaf = (outcome: SendOutcome): SendOutcome =>
  outcome.kind === 'answered' ? { ...outcome, retryAfter: null } : outcome;
