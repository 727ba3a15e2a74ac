import type { AttemptResult, InvocationEvent, InvocationScheduled } from '../../src/domain/invocation.ts';
import type { ResourceChange } from '../../src/domain/resource-change.ts';
import type { ResourceRef } from '../../src/domain/resources.ts';
import type { WebhookCreated, WebhookSettings } from '../../src/domain/webhook.ts';
import type { Group, ReadModels } from '../../src/projections/read-models.ts';
import { type DecodedLog, decodedLog, guidOf } from '../arbitraries/decoded-log.ts';

/** Events for examples, with what the example does not care about filled in. */

export const COMPANY = guidOf(0xc);
export const START_MS = 1_700_000_000_000;

export const SETTINGS = {
  name: 'a webhook',
  url: 'https://partner.example/',
  retries: 3,
  selection: {
    dialect: 'openticket',
    resource: 'order',
    trigger: 'paid',
    identifier: '',
    triggeredByChildResources: false,
  },
  retryBaseMs: null,
  ordering: 'none',
  coalesce: false,
} as const satisfies WebhookSettings;

export const created = (guid: string, settings: Partial<WebhookSettings> = {}): WebhookCreated => ({
  type: 'WebhookCreated',
  guid,
  companyId: COMPANY,
  nonce: 'nonce',
  sealedSecret: 'sealed',
  settings: { ...SETTINGS, ...settings },
  atMs: START_MS,
});

export const changed = (
  ref: ResourceRef,
  declared: ReadonlyArray<ResourceRef> = [],
  derived: ReadonlyArray<ResourceRef> = [],
): ResourceChange => ({
  type: 'ResourceChanged',
  companyId: COMPANY,
  ...ref,
  changeType: `${ref.resource}.update`,
  triggers: ['update'],
  source: 'test',
  id: 'a report',
  fingerprint: 'fingerprint',
  occurredAtMs: START_MS,
  data: null,
  relations: { declared, derived },
  atMs: START_MS,
});

export const scheduled = (
  guid: string,
  webhook: string,
  more: Partial<InvocationScheduled> = {},
): InvocationScheduled => ({
  type: 'InvocationScheduled',
  guid,
  webhook,
  companyId: COMPANY,
  change: null,
  test: true,
  resource: 'order',
  trigger: 'paid',
  identifier: '1',
  origin: { resource: 'order', identifier: '1', trigger: 'paid' },
  matched: [],
  body: '{}',
  retries: 3,
  retryBaseMs: 30_000,
  ordering: 'none',
  coalesce: false,
  atMs: START_MS,
  ...more,
});

const RESULT: AttemptResult = {
  statusCode: 200,
  error: null,
  durationMs: 5,
  address: null,
  responseExcerpt: null,
};

export const started: InvocationEvent = {
  type: 'AttemptStarted',
  number: 1,
  url: 'https://partner.example/',
  webhookRevision: 0,
  atMs: START_MS,
};

export const delivered: InvocationEvent = {
  type: 'InvocationDelivered',
  number: 1,
  result: RESULT,
  atMs: START_MS,
};

export const failed = (nextAttemptAtMs: number | null): InvocationEvent => ({
  type: 'AttemptFailed',
  number: 1,
  outcome: 'failed',
  result: { ...RESULT, statusCode: 500 },
  nextAttemptAtMs,
  atMs: START_MS,
});

export const exhausted: InvocationEvent = { type: 'InvocationExhausted', gone: false, atMs: START_MS };

export const cancelled: InvocationEvent = {
  type: 'InvocationCancelled',
  reason: 'webhook_disabled',
  atMs: START_MS,
};

export const retryRequested = (atMs: number): InvocationEvent => ({
  type: 'RetryRequested',
  retries: 1,
  retryBaseMs: 10,
  atMs,
});

/** A log that read models follow: `catchUp` applies what was appended since. */
export const follow = (
  models: ReadModels,
  groups: ReadonlyArray<Group> = ['routing', 'log'],
): DecodedLog & { catchUp(): void } => {
  const log = decodedLog();
  return {
    ...log,
    catchUp: () => {
      for (const group of groups) {
        const news = log.events.filter(({ position }) => position > models.checkpoint(group));
        models.apply(group, news, log.events.at(-1)?.position ?? 0);
      }
    },
  };
};
