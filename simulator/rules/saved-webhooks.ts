import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { uuidV5 } from '../../src/domain/ids.ts';
import { isJsonObject, type Json } from '../../src/domain/json.ts';
import { RESOURCES, TRIGGERS } from '../../src/domain/resources.ts';
import { couldFire, type Rules } from '../../src/domain/rules.ts';
import { SYSTEM_EVENTS, type Selection, type WebhookSettings } from '../../src/domain/webhook.ts';
import { boolean, guid, oneOf, optional, text, withDefault } from '../../src/http/checks.ts';
import { codecOf, decodeFields } from '../../src/http/fields.ts';

/** A webhook as it stands in a list. */
export interface SavedWebhook {
  readonly guid: string;
  readonly companyId: string;
  readonly settings: WebhookSettings;
}

/**
 * Reads webhooks as `GET /webhook` answers them: `{"items": […]}`, the list alone, or one a line. A Moshtix webhook is
 * `{"guid", "company_id", "system_events": ["ORDER_SAVED"]}`. The Left says what is wrong, and where.
 */
export const readWebhooks = (file: string): Either<string, ReadonlyArray<SavedWebhook>> => {
  const listed = listIn(file);
  if (isLeft(listed)) return listed;
  const webhooks: SavedWebhook[] = [];
  for (const [at, value] of listed.right.entries()) {
    const webhook = webhookFrom(value);
    if (isLeft(webhook)) return left(`webhook ${at + 1}: ${webhook.left}`);
    if (webhook.right === undefined) continue;
    const { guid: named } = webhook.right;
    if (webhooks.some((other) => other.guid === named))
      return left(`webhook ${at + 1}: ${named} is listed twice`);
    webhooks.push(webhook.right);
  }
  return right(webhooks);
};

const listIn = (file: string): Either<string, ReadonlyArray<Json>> => {
  const whole = parsed(file);
  if (whole !== undefined) {
    if (isList(whole)) return right(whole);
    const items = isJsonObject(whole) ? (whole['items'] ?? whole) : whole;
    return right(isList(items) ? items : [items]);
  }
  const values: Json[] = [];
  for (const [at, line] of file.split('\n').entries()) {
    if (line.trim() === '') continue;
    const value = parsed(line);
    if (value === undefined) return left(`line ${at + 1}: not JSON`);
    values.push(value);
  }
  return right(values);
};

const isList = (value: Json): value is ReadonlyArray<Json> => Array.isArray(value);

const parsed = (json: string): Json | undefined => {
  try {
    return JSON.parse(json) as Json;
  } catch (_notJson) {
    return undefined;
  }
};

const COMMON = { guid, company_id: guid, name: withDefault(text(), ''), deleted_at: optional(text()) };
const OPENTICKET = codecOf({
  ...COMMON,
  resource: oneOf(RESOURCES),
  trigger: oneOf(TRIGGERS),
  identifier: withDefault(text(), ''),
  triggered_by_child_resources: withDefault(boolean, false),
});
const MOSHTIX = codecOf(COMMON);
const systemEvent = oneOf(SYSTEM_EVENTS);

/** Undefined when it is deleted. */
const webhookFrom = (value: Json): Either<string, SavedWebhook | undefined> => {
  if (isJsonObject(value) && value['system_events'] !== undefined)
    return moshtixFrom(value['system_events'], value);
  const decoded = decodeFields(OPENTICKET, value);
  if (isLeft(decoded)) return left(reasonOf(decoded.left));
  const { guid: named, company_id, name, deleted_at, resource, trigger, identifier, ...rest } = decoded.right;
  if (deleted_at !== undefined) return right(undefined);
  const triggeredByChildResources = rest.triggered_by_child_resources;
  const selection = {
    dialect: 'openticket',
    resource,
    trigger,
    identifier,
    triggeredByChildResources,
  } as const;
  return right({ guid: named, companyId: company_id, settings: settingsOf(name, selection) });
};

const moshtixFrom = (events: Json, value: Json): Either<string, SavedWebhook | undefined> => {
  const decoded = decodeFields(MOSHTIX, value);
  if (isLeft(decoded)) return left(reasonOf(decoded.left));
  if (!isList(events) || events.length === 0) return left('system_events must be a list');
  const systemEvents = [];
  for (const [at, event] of events.entries()) {
    const checked = systemEvent(event);
    if (isLeft(checked)) return left(`system_events[${at}] ${checked.left}`);
    systemEvents.push({ id: at + 1, systemEvent: checked.right });
  }
  const { guid: named, company_id, name, deleted_at } = decoded.right;
  if (deleted_at !== undefined) return right(undefined);
  const settings = settingsOf(name, { dialect: 'moshtix', id: 1, clientId: 1, systemEvents });
  return right({
    guid: named,
    companyId: company_id,
    settings: { ...settings, request: { headers: [], body: '{}' } },
  });
};

const reasonOf = (failure: Parameters<typeof JSON.stringify>[0]): string => {
  const { errors = [] } = failure as { errors?: ReadonlyArray<{ field: string; message: string }> };
  return errors.map(({ field, message }) => `${field} ${message}`).join('; ');
};

const settingsOf = (name: string, selection: Selection): WebhookSettings => ({
  name,
  url: 'https://partner.invalid/',
  retries: 0,
  selection,
  retryBaseMs: null,
  ordering: 'none',
  coalesce: false,
});

/** One webhook on each resource and trigger that could fire under either of the rules, for any identifier, by children. */
export const everything = (companyId: string, rules: ReadonlyArray<Rules>): ReadonlyArray<SavedWebhook> =>
  RESOURCES.flatMap((resource) =>
    TRIGGERS.filter((trigger) => rules.some((one) => couldFire(one, resource, trigger, true))).map(
      (trigger) => ({
        guid: uuidV5(companyId, `${resource}.${trigger}`),
        companyId,
        settings: settingsOf('', {
          dialect: 'openticket',
          resource,
          trigger,
          identifier: '',
          triggeredByChildResources: true,
        }),
      }),
    ),
  );
