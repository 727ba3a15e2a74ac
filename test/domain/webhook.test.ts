import { describe, expect, it } from 'vitest';
import { BUILT_IN_RULES } from '../../src/domain/rules.ts';
import {
  activeSecrets,
  type CreateWebhook,
  decideWebhook,
  evolveWebhook,
  initialWebhook,
  type OpenTicketSelection,
  PREVIOUS_SECRETS_MAX,
  SECRET_OVERLAP_MS,
  type WebhookCommand,
  type WebhookCreated,
  type WebhookDeleted,
  type WebhookDisabled,
  type WebhookEnabled,
  type WebhookEvent,
  type WebhookFacts,
  type WebhookSettings,
} from '../../src/domain/webhook.ts';
import { fold, specificationOf } from '../support/decider-spec.ts';

const decider = { initial: initialWebhook, evolve: evolveWebhook, decide: decideWebhook(BUILT_IN_RULES) };
const { given } = specificationOf(decider);

const WEBHOOK = '96007e9b-b570-454c-aa3b-66a33a88280a';
const INVOCATION = '1e0c4a3e-0000-5000-8000-000000000001';
const DAY_MS = 86_400_000;

const selection: OpenTicketSelection = {
  dialect: 'openticket',
  resource: 'ticket',
  trigger: 'update',
  identifier: '',
  triggeredByChildResources: false,
};
const settings: WebhookSettings = {
  name: 'My Example Webhook',
  url: 'https://example.com/webhook/receive',
  retries: 3,
  selection,
  retryBaseMs: null,
  ordering: 'none',
  coalesce: false,
};
const content = {
  guid: WEBHOOK,
  companyId: 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48',
  nonce: '5aK2HMgcUlDCWLuC3KWa',
  sealedSecret: 'sealed 1',
  settings,
  atMs: 1_000,
};
const create: CreateWebhook = { type: 'CreateWebhook', ...content };
const created: WebhookCreated = { type: 'WebhookCreated', ...content };
const disabled: WebhookDisabled = { type: 'WebhookDisabled', reason: { kind: 'by_request' }, atMs: 2_000 };
const gone: WebhookDisabled = {
  type: 'WebhookDisabled',
  reason: { kind: 'gone', invocation: INVOCATION, attempt: 1 },
  atMs: 2_000,
};
const enabled: WebhookEnabled = { type: 'WebhookEnabled', atMs: 3_000 };
const deleted: WebhookDeleted = { type: 'WebhookDeleted', atMs: 4_000 };

/** A change of every kind that would decide something on an enabled webhook. */
const update = (changes: Partial<WebhookSettings>): WebhookCommand => ({
  type: 'UpdateWebhook',
  changes,
  atMs: 5_000,
});
const enable: WebhookCommand = { type: 'EnableWebhook', atMs: 5_000 };
const disable: WebhookCommand = { type: 'DisableWebhook', reason: { kind: 'by_request' }, atMs: 5_000 };
const disableGone: WebhookCommand = {
  type: 'DisableWebhook',
  reason: { kind: 'gone', invocation: INVOCATION, attempt: 1 },
  atMs: 5_000,
};
const rotate: WebhookCommand = { type: 'RotateSecret', sealedSecret: 'sealed 2', atMs: 5_000 };
const remove: WebhookCommand = { type: 'DeleteWebhook', atMs: 5_000 };

const factsAfter = (...events: ReadonlyArray<WebhookEvent>): WebhookFacts => {
  const state = fold(decider, events);
  if (state.situation === 'unknown') throw new Error('no webhook');
  return state.facts;
};

describe('creating a webhook', () => {
  it('is an event that holds all of it', () => {
    given().when(create).decides(created);
  });

  it('that is not enabled disables it at the same time', () => {
    given()
      .when({ ...create, enabled: false })
      .decides(created, { ...disabled, atMs: create.atMs });
    given()
      .when({ ...create, enabled: true })
      .decides(created);
  });

  it.each([
    ['enabled', [created]],
    ['disabled', [created, disabled]],
    ['deleted', [created, deleted]],
  ])('under the guid of one that is %s is refused', (_situation, events: ReadonlyArray<WebhookEvent>) => {
    given(...events)
      .when(create)
      .refuses({ _tag: 'WebhookExists' });
  });

  it('that could never fire is refused, with the triggers that could', () => {
    const never = { ...settings, selection: { ...selection, resource: 'shop', trigger: 'scan' } } as const;
    given()
      .when({ ...create, settings: never })
      .refuses({
        _tag: 'WebhookCouldNeverFire',
        resource: 'shop',
        trigger: 'scan',
        possible: ['create', 'update', 'paid'],
      });
  });

  it('on a trigger that only related resources bring needs triggered_by_child_resources', () => {
    const paid = { ...selection, trigger: 'paid' } as const;
    given()
      .when({ ...create, settings: { ...settings, selection: paid } })
      .refuses({
        _tag: 'WebhookCouldNeverFire',
        resource: 'ticket',
        trigger: 'paid',
        possible: ['create', 'update', 'delete', 'relation', 'reorder'],
      });
    const byChildren = { ...settings, selection: { ...paid, triggeredByChildResources: true } };
    given()
      .when({ ...create, settings: byChildren })
      .decides({ ...created, settings: byChildren });
  });
});

describe('before it is created', () => {
  it.each([update({ name: 'B' }), enable, disable, disableGone, rotate, remove])(
    '$type is refused',
    (command) => {
      given().when(command).refuses({ _tag: 'WebhookUnknown' });
    },
  );
});

describe('once it is deleted', () => {
  it.each([update({ name: 'B' }), enable, disable, disableGone, rotate])('$type is refused', (command) => {
    given(created, deleted).when(command).refuses({ _tag: 'WebhookDeletedBefore' });
  });

  it('deleting it again decides nothing', () => {
    given(created, deleted).when(remove).decidesNothing();
  });

  it('what it was stays known', () => {
    expect(fold(decider, [created, deleted])).toMatchObject({
      situation: 'deleted',
      deletedAtMs: 4_000,
      facts: { settings, updatedAtMs: 4_000 },
    });
  });
});

describe('updating', () => {
  it('is an event that holds only what differs', () => {
    given(created)
      .when(update({ name: 'B', url: settings.url, retries: 5, coalesce: false }))
      .decides({ type: 'WebhookUpdated', changes: { name: 'B', retries: 5 }, atMs: 5_000 });
  });

  it('to what it is already decides nothing', () => {
    given(created).when(update({})).decidesNothing();
    given(created).when(update(settings)).decidesNothing();
  });

  it('twice decides nothing', () => {
    given(created, { type: 'WebhookUpdated', changes: { name: 'B' }, atMs: 2_000 })
      .when(update({ name: 'B' }))
      .decidesNothing();
  });

  it('compares what is selected by its fields, in whatever order they come', () => {
    const turned = Object.fromEntries(Object.entries(selection).reverse()) as unknown as OpenTicketSelection;
    given(created)
      .when(update({ selection: turned }))
      .decidesNothing();
  });

  it('to a selection that could never fire is refused', () => {
    given(created)
      .when(update({ name: 'B', selection: { ...selection, resource: 'scanner', trigger: 'create' } }))
      .refuses({ _tag: 'WebhookCouldNeverFire', resource: 'scanner', trigger: 'create', possible: ['scan'] });
  });

  it('that switches off what made it fire is refused', () => {
    const byChildren = { ...selection, trigger: 'scan', triggeredByChildResources: true } as const;
    given({ ...created, settings: { ...settings, selection: byChildren } })
      .when(update({ selection: { ...byChildren, triggeredByChildResources: false } }))
      .refuses({
        _tag: 'WebhookCouldNeverFire',
        resource: 'ticket',
        trigger: 'scan',
        possible: ['create', 'update', 'delete', 'relation', 'reorder'],
      });
  });

  it('works while it is disabled and leaves it so', () => {
    const updated = {
      type: 'WebhookUpdated',
      changes: { url: 'https://example.org/' },
      atMs: 5_000,
    } as const;
    given(created, disabled)
      .when(update({ url: 'https://example.org/' }))
      .decides(updated);
    expect(fold(decider, [created, disabled, updated])).toMatchObject({
      situation: 'disabled',
      reason: { kind: 'by_request' },
      facts: {
        settings: { ...settings, url: 'https://example.org/' },
        createdAtMs: 1_000,
        updatedAtMs: 5_000,
      },
    });
  });
});

describe('enabling and disabling', () => {
  it('a new webhook is enabled: enabling it decides nothing', () => {
    given(created).when(enable).decidesNothing();
  });

  it('a disabled one is enabled by an event, once', () => {
    given(created, disabled).when(enable).decides({ type: 'WebhookEnabled', atMs: 5_000 });
    given(created, disabled, enabled).when(enable).decidesNothing();
  });

  it('disabling is an event with its reason, once', () => {
    given(created)
      .when(disable)
      .decides({ ...disabled, atMs: 5_000 });
    given(created, disabled).when(disable).decidesNothing();
  });

  it('a 410 disables it and says which invocation met it', () => {
    given(created)
      .when(disableGone)
      .decides({ ...gone, atMs: 5_000 });
    expect(fold(decider, [created, gone])).toMatchObject({
      situation: 'disabled',
      reason: { kind: 'gone', invocation: INVOCATION, attempt: 1 },
    });
  });

  it('the reason that disabled it first stays', () => {
    given(created, disabled).when(disableGone).decidesNothing();
    given(created, gone).when(disable).decidesNothing();
  });

  it('the report of a 410 repeated after it was enabled again decides nothing', () => {
    given(created, gone, enabled).when(disableGone).decidesNothing();
  });

  it('the 410 of another invocation disables it again', () => {
    const reason = { kind: 'gone', invocation: 'another', attempt: 1 } as const;
    given(created, gone, enabled)
      .when({ type: 'DisableWebhook', reason, atMs: 5_000 })
      .decides({ type: 'WebhookDisabled', reason, atMs: 5_000 });
  });

  it('a later attempt of the same invocation that meets 410 disables it again', () => {
    const reason = { kind: 'gone', invocation: INVOCATION, attempt: 2 } as const;
    given(created, gone, enabled)
      .when({ type: 'DisableWebhook', reason, atMs: 5_000 })
      .decides({ type: 'WebhookDisabled', reason, atMs: 5_000 });
  });

  it('by request it can be disabled again after a 410 and enabling', () => {
    given(created, gone, enabled)
      .when(disable)
      .decides({ ...disabled, atMs: 5_000 });
  });
});

describe('deleting', () => {
  it.each([
    ['enabled', [created]],
    ['disabled', [created, gone]],
  ])('what is %s is an event', (_situation, events: ReadonlyArray<WebhookEvent>) => {
    given(...events)
      .when(remove)
      .decides({ type: 'WebhookDeleted', atMs: 5_000 });
  });
});

describe('rotating the secret', () => {
  const rotated = {
    type: 'SecretRotated',
    sealedSecret: 'sealed 2',
    previousUntilMs: 5_000 + DAY_MS,
    atMs: 5_000,
  } as const;

  it('is an event; the secret before it goes on for a day', () => {
    given(created).when(rotate).decides(rotated);
    expect(SECRET_OVERLAP_MS).toBe(DAY_MS);
  });

  it('works while it is disabled and leaves it so', () => {
    given(created, disabled).when(rotate).decides(rotated);
    expect(fold(decider, [created, disabled, rotated]).situation).toBe('disabled');
  });

  it('decided again, after a conflict with another writer, keeps the secret before it', () => {
    given(created, rotated).when(rotate).decidesNothing();
  });

  it('until the day is over both sign, the newer first; from then on the newer alone', () => {
    expect(activeSecrets(factsAfter(created), 1_000)).toEqual(['sealed 1']);
    const facts = factsAfter(created, rotated);
    expect(activeSecrets(facts, 5_000)).toEqual(['sealed 2', 'sealed 1']);
    expect(activeSecrets(facts, 5_000 + DAY_MS - 1)).toEqual(['sealed 2', 'sealed 1']);
    expect(activeSecrets(facts, 5_000 + DAY_MS)).toEqual(['sealed 2']);
  });

  it('soon again leaves every secret the end that was promised for it', () => {
    const again = {
      ...rotated,
      sealedSecret: 'sealed 3',
      previousUntilMs: 6_000 + DAY_MS,
      atMs: 6_000,
    } as const;
    const facts = factsAfter(created, rotated, again);
    expect(activeSecrets(facts, 6_000)).toEqual(['sealed 3', 'sealed 2', 'sealed 1']);
    expect(activeSecrets(facts, 5_000 + DAY_MS)).toEqual(['sealed 3', 'sealed 2']);
    expect(activeSecrets(facts, 6_000 + DAY_MS)).toEqual(['sealed 3']);
    const late = { ...again, sealedSecret: 'sealed 4', atMs: 5_000 + DAY_MS };
    expect(factsAfter(created, rotated, again, late).previousSecrets).toHaveLength(2);
  });

  it('is refused while as many secrets sign as a request has room for', () => {
    const often = Array.from({ length: PREVIOUS_SECRETS_MAX }, (_, index) => ({
      ...rotated,
      sealedSecret: `often ${index}`,
      previousUntilMs: 1_000 + index + DAY_MS,
      atMs: 1_000 + index,
    }));
    given(created, ...often)
      .when(rotate)
      .refuses({ _tag: 'TooManySecrets', untilMs: 1_000 + DAY_MS });
    given(created, ...often)
      .when({ ...rotate, atMs: 1_000 + DAY_MS })
      .decides({ ...rotated, previousUntilMs: 1_000 + 2 * DAY_MS, atMs: 1_000 + DAY_MS });
  });
});

it('an event before the creation is not taken for a webhook', () => {
  expect(fold(decider, [enabled, disabled, deleted])).toEqual(initialWebhook);
});
