import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { canonicalJson, type Json } from './json.ts';
import type { Resource, Trigger } from './resources.ts';
import { couldFire, type Rules, triggersThatCouldFire } from './rules.ts';

export type Ordering = 'none' | 'per_resource';

/** What an OpenTicket webhook hears of. `identifier` '' means any. */
export interface OpenTicketSelection {
  readonly dialect: 'openticket';
  readonly resource: Resource;
  readonly trigger: Trigger;
  readonly identifier: string;
  readonly triggeredByChildResources: boolean;
}

/** What a Moshtix webhook can hear of. Source: the vendor's page "Webhooks". */
export const SYSTEM_EVENTS = ['ORDER_SAVED', 'EVENT_SAVED'] as const;
export type SystemEvent = (typeof SYSTEM_EVENTS)[number];

/** What a Moshtix webhook hears of, and its numbers: this dialect has whole numbers, unique in the account, for ids. */
export interface MoshtixSelection {
  readonly dialect: 'moshtix';
  readonly id: number;
  readonly clientId: number;
  /** At least one, each at most once. */
  readonly systemEvents: ReadonlyArray<{ readonly id: number; readonly systemEvent: SystemEvent }>;
}

export type Selection = OpenTicketSelection | MoshtixSelection;

/** What a Moshtix webhook sends instead of the OpenTicket form. */
export interface CustomRequest {
  readonly headers: ReadonlyArray<{ readonly id: number; readonly name: string; readonly value: string }>;
  /** The template that template.ts fills; known to be valid under the Content-Type among the headers. */
  readonly body: string;
}

/** What its owner may change. */
export interface WebhookSettings {
  readonly name: string;
  readonly url: string;
  /** Further attempts after a failed first one, 0 to 30. */
  readonly retries: number;
  readonly selection: Selection;
  /** First wait in milliseconds; null follows the server's default. */
  readonly retryBaseMs: number | null;
  readonly ordering: Ordering;
  readonly coalesce: boolean;
  /** Moshtix webhooks have one, others none. */
  readonly request?: CustomRequest;
}

export type DisabledReason =
  | { readonly kind: 'by_request' }
  /** The receiver answered 410 to this attempt. */
  | { readonly kind: 'gone'; readonly invocation: string; readonly attempt: number };

// Events

export interface WebhookCreated {
  readonly type: 'WebhookCreated';
  readonly guid: string;
  readonly companyId: string;
  readonly nonce: string;
  /** The signing secret, encrypted under the operator's key. */
  readonly sealedSecret: string;
  readonly settings: WebhookSettings;
  readonly atMs: number;
}
export interface WebhookUpdated {
  readonly type: 'WebhookUpdated';
  /** Only what differs from before. */
  readonly changes: Partial<WebhookSettings>;
  readonly atMs: number;
}
export interface WebhookEnabled {
  readonly type: 'WebhookEnabled';
  readonly atMs: number;
}
export interface WebhookDisabled {
  readonly type: 'WebhookDisabled';
  readonly reason: DisabledReason;
  readonly atMs: number;
}
export interface SecretRotated {
  readonly type: 'SecretRotated';
  readonly sealedSecret: string;
  /** Until then the secret before this one signs too. */
  readonly previousUntilMs: number;
  readonly atMs: number;
}
export interface WebhookDeleted {
  readonly type: 'WebhookDeleted';
  readonly atMs: number;
}

export type WebhookEvent =
  WebhookCreated | WebhookUpdated | WebhookEnabled | WebhookDisabled | SecretRotated | WebhookDeleted;

// State

export interface PreviousSecret {
  readonly sealedSecret: string;
  readonly untilMs: number;
}

export interface WebhookFacts {
  readonly guid: string;
  readonly companyId: string;
  readonly nonce: string;
  readonly settings: WebhookSettings;
  readonly sealedSecret: string;
  /** Secrets before it, the newest first; those that had ended at the last rotation are left out. */
  readonly previousSecrets: ReadonlyArray<PreviousSecret>;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Attempts whose 410 has disabled this webhook before: each does so only once. */
  readonly goneAttempts: ReadonlyArray<string>;
}

export type WebhookState =
  | { readonly situation: 'unknown' }
  | { readonly situation: 'enabled'; readonly facts: WebhookFacts }
  | { readonly situation: 'disabled'; readonly facts: WebhookFacts; readonly reason: DisabledReason }
  | { readonly situation: 'deleted'; readonly facts: WebhookFacts; readonly deletedAtMs: number };

export const initialWebhook: WebhookState = { situation: 'unknown' };

export const evolveWebhook = (state: WebhookState, event: WebhookEvent): WebhookState => {
  if (event.type === 'WebhookCreated') {
    const { guid, companyId, nonce, settings, sealedSecret, atMs } = event;
    const facts: WebhookFacts = {
      guid,
      companyId,
      nonce,
      settings,
      sealedSecret,
      previousSecrets: [],
      createdAtMs: atMs,
      updatedAtMs: atMs,
      goneAttempts: [],
    };
    return { situation: 'enabled', facts };
  }
  if (state.situation === 'unknown') return state;
  const facts = { ...state.facts, updatedAtMs: event.atMs };
  switch (event.type) {
    case 'WebhookUpdated':
      return { ...state, facts: { ...facts, settings: { ...facts.settings, ...event.changes } } };
    case 'WebhookEnabled':
      return { situation: 'enabled', facts };
    case 'WebhookDisabled': {
      const gone = event.reason.kind === 'gone' ? [attemptKey(event.reason)] : [];
      return {
        situation: 'disabled',
        facts: { ...facts, goneAttempts: [...facts.goneAttempts, ...gone] },
        reason: event.reason,
      };
    }
    case 'SecretRotated': {
      const rotatedOut = { sealedSecret: state.facts.sealedSecret, untilMs: event.previousUntilMs };
      // Each secret keeps the end that was promised for it, however soon the next rotation follows.
      const previousSecrets = [rotatedOut, ...runningSecrets(state.facts, event.atMs)];
      return { ...state, facts: { ...facts, sealedSecret: event.sealedSecret, previousSecrets } };
    }
    case 'WebhookDeleted':
      return { situation: 'deleted', facts, deletedAtMs: event.atMs };
  }
};

const attemptKey = (gone: { readonly invocation: string; readonly attempt: number }): string =>
  `${gone.invocation}:${gone.attempt}`;

// Commands

export interface CreateWebhook {
  readonly type: 'CreateWebhook';
  readonly guid: string;
  readonly companyId: string;
  readonly nonce: string;
  readonly sealedSecret: string;
  readonly settings: WebhookSettings;
  /** False: disabled from the start, without a moment in which it could fire. Absent: enabled. */
  readonly enabled?: boolean;
  readonly atMs: number;
}
/** What is absent stays; so do the parts of a selection that are absent. */
export type WebhookChanges = Partial<Omit<WebhookSettings, 'selection'>> & {
  /** Of the webhook's own dialect, which never changes. */
  readonly selection?: Partial<OpenTicketSelection> | Partial<MoshtixSelection>;
};
export interface UpdateWebhook {
  readonly type: 'UpdateWebhook';
  readonly changes: WebhookChanges;
  /** Absent: enabled or disabled as before. */
  readonly enabled?: boolean;
  readonly atMs: number;
}
export interface EnableWebhook {
  readonly type: 'EnableWebhook';
  readonly atMs: number;
}
export interface DisableWebhook {
  readonly type: 'DisableWebhook';
  readonly reason: DisabledReason;
  readonly atMs: number;
}
export interface RotateSecret {
  readonly type: 'RotateSecret';
  readonly sealedSecret: string;
  readonly atMs: number;
}
export interface DeleteWebhook {
  readonly type: 'DeleteWebhook';
  readonly atMs: number;
}

export type WebhookCommand =
  CreateWebhook | UpdateWebhook | EnableWebhook | DisableWebhook | RotateSecret | DeleteWebhook;

// Rejections

export type WebhookRejection =
  | { readonly _tag: 'WebhookUnknown' }
  | { readonly _tag: 'WebhookDeletedBefore' }
  | { readonly _tag: 'WebhookExists' }
  /** As many secrets as a request may carry signatures of sign already; `untilMs` is when the first of them ends. */
  | { readonly _tag: 'TooManySecrets'; readonly untilMs: number }
  /** Under the rules nothing would ever trigger it; `possible` lists what would. */
  | {
      readonly _tag: 'WebhookCouldNeverFire';
      readonly resource: Resource;
      readonly trigger: Trigger;
      readonly possible: ReadonlyArray<Trigger>;
    };

/** How long the secret before a rotation goes on signing. */
export const SECRET_OVERLAP_MS = 24 * 60 * 60 * 1000;

/** Secrets that sign beside the newest; every one adds 48 bytes to the headers of each request. */
export const PREVIOUS_SECRETS_MAX = 10;

// Decide

export const decideWebhook =
  (rules: Rules) =>
  (state: WebhookState, command: WebhookCommand): Either<WebhookRejection, ReadonlyArray<WebhookEvent>> => {
    if (command.type === 'CreateWebhook') {
      if (state.situation !== 'unknown') return left({ _tag: 'WebhookExists' });
      const { guid, companyId, nonce, sealedSecret, settings, enabled = true, atMs } = command;
      return ableToFire(rules, settings.selection, [
        { type: 'WebhookCreated', guid, companyId, nonce, sealedSecret, settings, atMs },
        ...(enabled ? [] : [switched(false, atMs)]),
      ]);
    }
    if (state.situation === 'unknown') return left({ _tag: 'WebhookUnknown' });
    if (state.situation === 'deleted') {
      return command.type === 'DeleteWebhook' ? right([]) : left({ _tag: 'WebhookDeletedBefore' });
    }
    const { atMs } = command;
    switch (command.type) {
      case 'UpdateWebhook': {
        const changes = differences(state.facts.settings, command.changes);
        const { enabled } = command;
        const switches = enabled !== undefined && enabled !== (state.situation === 'enabled');
        const events: ReadonlyArray<WebhookEvent> = [
          ...(Object.keys(changes).length > 0 ? [{ type: 'WebhookUpdated', changes, atMs } as const] : []),
          ...(switches ? [switched(enabled, atMs)] : []),
        ];
        return changes.selection === undefined ? right(events) : ableToFire(rules, changes.selection, events);
      }
      case 'EnableWebhook':
        return right(state.situation === 'enabled' ? [] : [switched(true, atMs)]);
      case 'DisableWebhook': {
        const { reason } = command;
        const handled = reason.kind === 'gone' && state.facts.goneAttempts.includes(attemptKey(reason));
        return right(
          state.situation === 'disabled' || handled ? [] : [{ type: 'WebhookDisabled', reason, atMs }],
        );
      }
      case 'RotateSecret': {
        const { sealedSecret } = command;
        // The same rotation decided again must not push out the secret before it.
        if (sealedSecret === state.facts.sealedSecret) return right([]);
        const running = runningSecrets(state.facts, atMs);
        if (running.length >= PREVIOUS_SECRETS_MAX) {
          return left({
            _tag: 'TooManySecrets',
            untilMs: Math.min(...running.map(({ untilMs }) => untilMs)),
          });
        }
        const previousUntilMs = atMs + SECRET_OVERLAP_MS;
        return right([{ type: 'SecretRotated', sealedSecret, previousUntilMs, atMs }]);
      }
      case 'DeleteWebhook':
        return right([{ type: 'WebhookDeleted', atMs }]);
    }
  };

const switched = (enabled: boolean, atMs: number): WebhookEnabled | WebhookDisabled =>
  enabled
    ? { type: 'WebhookEnabled', atMs }
    : { type: 'WebhookDisabled', reason: { kind: 'by_request' }, atMs };

const ableToFire = (
  rules: Rules,
  selection: Selection,
  events: ReadonlyArray<WebhookEvent>,
): Either<WebhookRejection, ReadonlyArray<WebhookEvent>> => {
  if (selection.dialect === 'moshtix') return right(events);
  const { resource, trigger, triggeredByChildResources } = selection;
  if (couldFire(rules, resource, trigger, triggeredByChildResources)) return right(events);
  const possible = triggersThatCouldFire(rules, resource, triggeredByChildResources);
  return left({ _tag: 'WebhookCouldNeverFire', resource, trigger, possible });
};

const differences = (current: WebhookSettings, changes: WebhookChanges): Partial<WebhookSettings> => {
  const { selection, ...others } = changes;
  const wanted: Partial<WebhookSettings> = {
    ...others,
    ...(selection !== undefined && { selection: { ...current.selection, ...selection } as Selection }),
  };
  const same = (key: keyof WebhookSettings): boolean =>
    canonicalJson((current[key] ?? null) as Json) === canonicalJson(wanted[key] as Json);
  return Object.fromEntries(Object.entries(wanted).filter(([key]) => !same(key as keyof WebhookSettings)));
};

// Questions

/** The sealed secrets that sign at this moment, the newest first. */
export const activeSecrets = (facts: WebhookFacts, nowMs: number): ReadonlyArray<string> => [
  facts.sealedSecret,
  ...runningSecrets(facts, nowMs).map(({ sealedSecret }) => sealedSecret),
];

/** The secrets before the newest that sign at this moment, the newest first. */
export const runningSecrets = (facts: WebhookFacts, nowMs: number): ReadonlyArray<PreviousSecret> =>
  facts.previousSecrets.filter(({ untilMs }) => nowMs < untilMs);
