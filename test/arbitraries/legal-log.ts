import fc from 'fast-check';
import { isLeft } from 'fp-ts/lib/Either.js';
import { changeGuid, invocationGuid } from '../../src/domain/ids.ts';
import {
  decideInvocation,
  evolveInvocation,
  initialInvocation,
  type InvocationCommand,
  type InvocationState,
} from '../../src/domain/invocation.ts';
import {
  type ChangeEventType,
  decideResource,
  evolveResource,
  initialResource,
  type ResourceChange,
  type ResourceState,
} from '../../src/domain/resource-change.ts';
import { type ResourceRef, refKey, type Trigger } from '../../src/domain/resources.ts';
import { BUILT_IN_RULES } from '../../src/domain/rules.ts';
import {
  decideWebhook,
  evolveWebhook,
  initialWebhook,
  type WebhookCommand,
  type WebhookSettings,
  type WebhookState,
} from '../../src/domain/webhook.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import { type DecodedLog, decodedLog, guidOf } from './decoded-log.ts';
import { resourceRef, webhookSettings } from './domain.ts';

export const COMPANIES = [guidOf(0xa), guidOf(0xb)] as const;

/** One thing that happens; `pick` counts among what there is at the time, so that a step nearly always means something. */
type Step =
  | { readonly do: 'create'; readonly company: string; readonly settings: WebhookSettings }
  | { readonly do: 'update'; readonly pick: number; readonly changes: Partial<WebhookSettings> }
  | { readonly do: 'enable' | 'disable' | 'rotate' | 'delete'; readonly pick: number }
  | {
      readonly do: 'report';
      readonly company: string;
      readonly ref: ResourceRef;
      readonly eventType: ChangeEventType;
      readonly trigger: Trigger;
      readonly declared: ReadonlyArray<ResourceRef> | undefined;
    }
  | { readonly do: 'schedule'; readonly pick: number; readonly change: number; readonly test: boolean }
  | {
      readonly do: 'attempt' | 'deliver' | 'fail' | 'cancel' | 'supersede' | 'retry';
      readonly pick: number;
      readonly pastMs: number;
    };

const pick = fc.nat({ max: 1000 });
const company = fc.constantFrom(...COMPANIES);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('create' as const), company, settings: webhookSettings }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('update' as const),
      pick,
      changes: webhookSettings.chain((settings) =>
        fc
          .subarray(Object.keys(settings) as (keyof WebhookSettings)[])
          .map(
            (keys) => Object.fromEntries(keys.map((key) => [key, settings[key]])) as Partial<WebhookSettings>,
          ),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'enable' as const,
        'disable' as const,
        'disable' as const,
        'rotate' as const,
        'delete' as const,
      ),
      pick,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      company,
      ref: resourceRef,
      eventType: fc.constantFrom<ChangeEventType>('ResourceChanged', 'OrderSold', 'TicketsScanned'),
      trigger: fc.constantFrom<Trigger>('create', 'update'),
      declared: fc.option(fc.array(resourceRef, { maxLength: 3 }), { nil: undefined }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('schedule' as const),
      pick,
      change: pick,
      test: fc.constant(false),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('schedule' as const),
      pick,
      change: pick,
      test: fc.constant(true),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...([
          'attempt',
          'attempt',
          'attempt',
          'deliver',
          'fail',
          'fail',
          'cancel',
          'supersede',
          'retry',
        ] as const),
      ),
      pick,
      pastMs: fc.nat({ max: 50 }),
    }),
  },
);

/** Logs as the deciders would have written them: of two companies, with few resources, so that much meets. */
export const legalLog = (stepsMax = 80): fc.Arbitrary<DecodedLog> =>
  fc
    .record({
      steps: fc.array(step, { maxLength: stepsMax, size: 'max' }),
      positionStep: fc.constantFrom(1, 1000),
    })
    .map(({ steps, positionStep }) => happen(steps, positionStep));

const happen = (steps: ReadonlyArray<Step>, positionStep: number): DecodedLog => {
  const log = decodedLog(positionStep);
  const webhooks = new Map<string, WebhookState>();
  const resources = new Map<string, ResourceState>();
  const changes: Decoded<ResourceChange>[] = [];
  const invocations = new Map<string, InvocationState>();

  const commandWebhook = (guid: string, command: WebhookCommand): void => {
    const state = webhooks.get(guid) ?? initialWebhook;
    const decided = decideWebhook(BUILT_IN_RULES)(state, command);
    if (isLeft(decided)) return;
    for (const event of decided.right) log.webhook(guid, event);
    webhooks.set(guid, decided.right.reduce(evolveWebhook, state));
  };
  const commandInvocation = (guid: string, command: InvocationCommand): void => {
    const state = invocations.get(guid) ?? initialInvocation;
    const decided = decideInvocation(state, command);
    if (isLeft(decided)) return;
    for (const event of decided.right) log.invocation(guid, event);
    invocations.set(guid, decided.right.reduce(evolveInvocation, state));
  };

  steps.forEach((what, index) => {
    // Mostly forwards, now and then a little back, as clocks go.
    const atMs = 1_700_000_000_000 + index * 10 - (index % 7 === 0 ? 25 : 0);
    switch (what.do) {
      case 'create': {
        const guid = guidOf(0x100 + index);
        const secret = { nonce: `nonce ${index}`, sealedSecret: 'sealed' };
        commandWebhook(guid, {
          type: 'CreateWebhook',
          guid,
          companyId: what.company,
          ...secret,
          settings: what.settings,
          atMs,
        });
        return;
      }
      case 'update': {
        const guid = pickOne([...webhooks.keys()], what.pick);
        if (guid !== undefined) commandWebhook(guid, { type: 'UpdateWebhook', changes: what.changes, atMs });
        return;
      }
      case 'enable':
      case 'disable':
      case 'rotate':
      case 'delete': {
        const guid = pickOne([...webhooks.keys()], what.pick);
        if (guid !== undefined) commandWebhook(guid, webhookCommand(what.do, atMs));
        return;
      }
      case 'report': {
        const { company: companyId, ref, eventType, trigger, declared } = what;
        const id = `report ${index}`;
        const source = 'test';
        const key = `${companyId} ${refKey(ref)}`;
        const state = resources.get(key) ?? initialResource;
        const decided = decideResource(state, {
          type: 'ReportChange',
          companyId,
          ...ref,
          changeType: `${ref.resource}.${trigger}`,
          eventType,
          triggers: [trigger],
          source,
          id,
          fingerprint: `fingerprint ${index}`,
          occurredAtMs: atMs,
          data: {},
          declared,
          atMs,
        });
        if (isLeft(decided)) return;
        for (const event of decided.right) {
          changes.push(log.change(event, changeGuid(companyId, source, id)));
          resources.set(key, evolveResource(state, event));
        }
        return;
      }
      case 'schedule': {
        const webhook = pickOne([...webhooks.keys()], what.pick);
        const change = what.test ? undefined : pickOne(changes, what.change);
        const state = webhook === undefined ? undefined : webhooks.get(webhook);
        if (webhook === undefined || state?.situation !== 'enabled' || (!what.test && change === undefined))
          return;
        const { companyId, settings } = state.facts;
        const { selection } = settings;
        if (selection.dialect !== 'openticket') return;
        const { resource, identifier } = change?.event ?? { resource: 'event' as const, identifier: 'test' };
        const guid = invocationGuid(webhook, change?.id ?? `test ${index}`);
        const { trigger } = selection;
        commandInvocation(guid, {
          type: 'ScheduleInvocation',
          guid,
          webhook,
          companyId,
          change: change?.id ?? null,
          test: what.test,
          resource: selection.resource,
          trigger,
          identifier: selection.identifier || identifier,
          origin: { resource, identifier, trigger },
          matched: [],
          body: '{}',
          retries: settings.retries,
          retryBaseMs: settings.retryBaseMs ?? 30_000,
          ordering: settings.ordering,
          coalesce: settings.coalesce,
          atMs,
        });
        return;
      }
      case 'attempt':
      case 'deliver':
      case 'fail':
      case 'cancel':
      case 'supersede':
      case 'retry': {
        const candidates = [...invocations]
          .filter(([, state]) => isUseful(what.do, state))
          .map(([guid]) => guid);
        const guid = pickOne(candidates, what.pick);
        if (guid === undefined) return;
        const command = invocationCommand(
          what.do,
          invocations.get(guid) ?? initialInvocation,
          atMs,
          what.pastMs,
        );
        if (command !== undefined) commandInvocation(guid, command);
        return;
      }
    }
  });
  return log;
};

const pickOne = <T>(from: ReadonlyArray<T>, index: number): T | undefined =>
  from[index % Math.max(from.length, 1)];

const isUseful = (what: string, state: InvocationState): boolean => {
  if (what === 'deliver' || what === 'fail') return state.situation === 'in_flight';
  return what === 'retry' ? state.situation !== 'in_flight' : state.situation === 'waiting';
};

const webhookCommand = (what: 'enable' | 'disable' | 'rotate' | 'delete', atMs: number): WebhookCommand => {
  switch (what) {
    case 'enable':
      return { type: 'EnableWebhook', atMs };
    case 'disable':
      return { type: 'DisableWebhook', reason: { kind: 'by_request' }, atMs };
    case 'rotate':
      return { type: 'RotateSecret', sealedSecret: 'sealed', atMs };
    case 'delete':
      return { type: 'DeleteWebhook', atMs };
  }
};

const invocationCommand = (
  what: 'attempt' | 'deliver' | 'fail' | 'cancel' | 'supersede' | 'retry',
  state: InvocationState,
  nowMs: number,
  pastMs: number,
): InvocationCommand | undefined => {
  const number = state.situation === 'in_flight' ? state.number : 0;
  const nothing = { error: null, durationMs: 1, address: null, responseExcerpt: null };
  switch (what) {
    case 'attempt':
      if (state.situation !== 'waiting') return undefined;
      return {
        type: 'StartAttempt',
        number: state.facts.attempts.length + 1,
        url: 'https://partner.example/',
        webhookRevision: 0,
        atMs: Math.max(nowMs, state.dueAtMs) + pastMs,
      };
    case 'deliver':
      return {
        type: 'RecordAnswer',
        number,
        result: { ...nothing, statusCode: 200 },
        retryAfter: null,
        atMs: nowMs,
      };
    case 'fail':
      return pastMs % 5 === 0
        ? {
            type: 'RecordAnswer',
            number,
            result: { ...nothing, statusCode: 410 },
            retryAfter: null,
            atMs: nowMs,
          }
        : {
            type: 'RecordFailure',
            number,
            outcome: 'failed',
            result: { ...nothing, statusCode: null },
            atMs: nowMs,
          };
    case 'cancel':
      return { type: 'CancelInvocation', reason: 'webhook_disabled', atMs: nowMs };
    case 'supersede':
      return { type: 'SupersedeInvocation', by: guidOf(1), atMs: nowMs };
    case 'retry':
      return { type: 'RequestRetry', retries: 1, retryBaseMs: 10, atMs: nowMs };
  }
};
