import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RESOURCES, TRIGGERS } from '../../src/domain/resources.ts';
import { BUILT_IN_RULES, couldFire } from '../../src/domain/rules.ts';
import {
  activeSecrets,
  decideWebhook,
  evolveWebhook,
  initialWebhook,
  type WebhookCommand,
  type WebhookEvent,
  type WebhookSettings,
  type WebhookState,
} from '../../src/domain/webhook.ts';
import { decided, fold, frozen } from '../support/decider-spec.ts';
import { type Dice, dice } from './dice.ts';

const decider = { initial: initialWebhook, evolve: evolveWebhook, decide: decideWebhook(BUILT_IN_RULES) };

const NUMBERS_MAX = 120;

const settings = (dice: Dice): WebhookSettings => ({
  name: dice.pick('A', 'B'),
  url: dice.pick('https://a.example/', 'https://b.example/'),
  retries: dice.pick(0, 3, 30),
  selection: {
    dialect: 'openticket',
    resource: dice.pick(...RESOURCES),
    trigger: dice.pick(...TRIGGERS),
    identifier: dice.pick('', '7'),
    triggeredByChildResources: dice.pick(false, true),
  },
  retryBaseMs: dice.pick(null, 10, 30_000),
  ordering: dice.pick('none', 'per_resource'),
  coalesce: dice.pick(false, true),
});

/** A command that makes sense in this state: some change nothing, some repeat what was, some must be refused. */
const commandFor = (dice: Dice, state: WebhookState, atMs: number): WebhookCommand => {
  const facts = state.situation === 'unknown' ? undefined : state.facts;
  const once = ['create', 'create', 'enable'] as const;
  const often = ['update', 'enable', 'enable', 'disable', 'gone', 'gone', 'rotate'] as const;
  const kind = facts === undefined ? dice.pick(...once) : dice.pick('create', 'delete', ...often);
  switch (kind) {
    case 'create': {
      const content = {
        guid: 'w',
        companyId: 'c',
        nonce: 'n',
        sealedSecret: 'sealed',
        settings: settings(dice),
      };
      return { type: 'CreateWebhook', ...content, atMs };
    }
    case 'update': {
      const wanted = settings(dice);
      const keys = (Object.keys(wanted) as Array<keyof WebhookSettings>).filter(() => dice.pick(true, false));
      return {
        type: 'UpdateWebhook',
        changes: Object.fromEntries(keys.map((key) => [key, wanted[key]])),
        atMs,
      };
    }
    case 'enable':
      return { type: 'EnableWebhook', atMs };
    case 'disable':
      return { type: 'DisableWebhook', reason: { kind: 'by_request' }, atMs };
    case 'gone': {
      const invocation = dice.pick('i1', 'i2', 'i3');
      return { type: 'DisableWebhook', reason: { kind: 'gone', invocation, attempt: dice.pick(1, 2) }, atMs };
    }
    case 'rotate': {
      const sealedSecret = dice.pick(`sealed at ${atMs}`, facts?.sealedSecret ?? 'sealed');
      return { type: 'RotateSecret', sealedSecret, atMs };
    }
    case 'delete':
      return { type: 'DeleteWebhook', atMs };
  }
};

/** What may happen to a webhook in its life, with what was decided at each step. */
const live = (
  dice: Dice,
  check: (
    before: WebhookState,
    command: WebhookCommand,
    events: ReadonlyArray<WebhookEvent>,
    after: WebhookState,
  ) => void,
): ReadonlyArray<WebhookEvent> => {
  const log: WebhookEvent[] = [];
  let state: WebhookState = initialWebhook;
  for (let step = 0; !dice.usedUp; step += 1) {
    const command = commandFor(dice, state, 1_000 + step * 7_200_000);
    const events = decided(decider, state, command);
    const after = events.reduce((folded, event) => frozen(evolveWebhook(folded, frozen(event))), state);
    check(state, command, events, after);
    log.push(...events);
    state = after;
  }
  return log;
};

it('a command repeated at once decides nothing', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(dice(NUMBERS_MAX), (thrown) => {
      live(thrown, (_before, command, events, after) => {
        for (const event of events) seen.add(event.type);
        expect(decided(decider, after, command)).toEqual([]);
      });
    }),
    { numRuns: 1_000 },
  );
  expect([...seen].sort()).toEqual([
    'SecretRotated',
    'WebhookCreated',
    'WebhookDeleted',
    'WebhookDisabled',
    'WebhookEnabled',
    'WebhookUpdated',
  ]);
});

it('an event changes what it tells of and nothing that was settled before', () => {
  fc.assert(
    fc.property(dice(NUMBERS_MAX), (thrown) => {
      live(thrown, (before, _command, events, after) => {
        if (before.situation === 'unknown' || after.situation === 'unknown') return;
        const { guid, companyId, nonce, createdAtMs } = before.facts;
        expect(after.facts).toMatchObject({ guid, companyId, nonce, createdAtMs });
        expect(after.facts.goneAttempts.slice(0, before.facts.goneAttempts.length)).toEqual(
          before.facts.goneAttempts,
        );
        if (before.situation === 'deleted') expect(after).toEqual(before);
        const types = events.map(({ type }) => type);
        if (!types.includes('WebhookUpdated')) expect(after.facts.settings).toEqual(before.facts.settings);
        if (!types.includes('SecretRotated')) {
          expect(after.facts.sealedSecret).toBe(before.facts.sealedSecret);
          expect(after.facts.previousSecrets).toEqual(before.facts.previousSecrets);
        }
        const moves = ['WebhookEnabled', 'WebhookDisabled', 'WebhookDeleted'];
        if (!types.some((type) => moves.includes(type))) expect(after.situation).toBe(before.situation);
      });
    }),
    { numRuns: 1_000 },
  );
});

it('whatever is done, a webhook could fire, its newest secret signs first, and its history folds to the same again', () => {
  fc.assert(
    fc.property(dice(NUMBERS_MAX), (thrown) => {
      let last: WebhookState = initialWebhook;
      const log = live(thrown, (_before, { atMs }, _events, after) => {
        last = after;
        if (after.situation === 'unknown') return;
        const { selection } = after.facts.settings;
        if (selection.dialect !== 'openticket') throw new Error('only OpenTicket webhooks are made here');
        const { resource, trigger, triggeredByChildResources } = selection;
        expect(couldFire(BUILT_IN_RULES, resource, trigger, triggeredByChildResources)).toBe(true);
        const secrets = activeSecrets(after.facts, atMs);
        expect(secrets[0]).toBe(after.facts.sealedSecret);
        expect(new Set(secrets).size).toBe(secrets.length);
      });
      expect(fold(decider, log)).toEqual(last);
    }),
    { numRuns: 500 },
  );
});
