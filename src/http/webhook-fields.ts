import { type Either, isLeft, left } from 'fp-ts/lib/Either.js';
import type { Json } from '../domain/json.ts';
import { RESOURCES, TRIGGERS } from '../domain/resources.ts';
import { couldFire, triggersThatCouldFire } from '../domain/rules.ts';
import { URL_LENGTH_MAX } from '../domain/url-policy.ts';
import type { WebhookChanges, WebhookSettings } from '../domain/webhook.ts';
import {
  boolean,
  type Check,
  guid,
  nonEmptyText,
  oneOf,
  optional,
  text,
  wholeNumber,
  withDefault,
} from './checks.ts';
import type { CheckUrl, HttpDeps } from './deps.ts';
import type { RequestFailure } from './failure.ts';
import { type Checked, codecOf, decodeFields, patchCodecOf } from './fields.ts';
import { neverFires } from './problem.ts';

export const RETRIES_MAX = 30;
export const RETRIES_DEFAULT = 3;

/** The text as it was given is kept: it is what the answer shows. */
export const url = (checkUrl: CheckUrl): Check<string> => {
  const anyText = nonEmptyText(URL_LENGTH_MAX);
  return (value) => {
    const given = anyText(value);
    if (isLeft(given)) return given;
    const checked = checkUrl(given.right);
    return isLeft(checked) ? left(checked.left.message) : given;
  };
};

/** What an OpenTicket webhook is made of: one table for forms and JSON, for POST and PATCH. */
const openTicketFields = (checkUrl: CheckUrl) => ({
  name: nonEmptyText(),
  url: url(checkUrl),
  resource: oneOf(RESOURCES),
  trigger: oneOf(TRIGGERS),
  retries: withDefault(wholeNumber(0, RETRIES_MAX), RETRIES_DEFAULT),
  identifier: withDefault(text(), ''),
  triggered_by_child_resources: withDefault(boolean, false),
});

/** Absent fields stay as they are; null puts those that have a default back to it. */
export const webhookPatchCodec = (checkUrl: CheckUrl) => patchCodecOf(openTicketFields(checkUrl));

export type WebhookPatch = Partial<Checked<ReturnType<typeof openTicketFields>>>;

const newWebhookFields = (checkUrl: CheckUrl) => ({
  ...openTicketFields(checkUrl),
  company_id: optional(guid),
});

export type NewWebhook = Checked<ReturnType<typeof newWebhookFields>>;

/**
 * Reads a new webhook: absent fields have their defaults, unknown ones are dropped. That it could never fire is said
 * along with whatever else is wrong.
 */
export const newWebhookReader = ({ checkUrl, rules }: Pick<HttpDeps, 'checkUrl' | 'rules'>) => {
  const fields = newWebhookFields(checkUrl);
  const codec = codecOf(fields);
  const { resource, trigger, triggered_by_child_resources } = fields;
  const selection = codecOf({ resource, trigger, triggered_by_child_resources });

  return (values: Json): Either<RequestFailure, NewWebhook> => {
    const decoded = decodeFields(codec, values);
    const selected = decodeFields(selection, values);
    if (isLeft(selected)) return decoded;
    const { resource: on, trigger: of, triggered_by_child_resources: byChildren } = selected.right;
    if (couldFire(rules, on, of, byChildren)) return decoded;
    const never = neverFires({
      resource: on,
      trigger: of,
      possible: triggersThatCouldFire(rules, on, byChildren),
    });
    const others = isLeft(decoded) && decoded.left._tag === 'InvalidFields' ? decoded.left.errors : [];
    return left({ _tag: 'InvalidFields', errors: [...others, never] });
  };
};

/** What an OpenTicket webhook is at first. */
export const settingsOf = (fields: NewWebhook): WebhookSettings => ({
  name: fields.name,
  url: fields.url,
  retries: fields.retries,
  selection: {
    dialect: 'openticket',
    resource: fields.resource,
    trigger: fields.trigger,
    identifier: fields.identifier,
    triggeredByChildResources: fields.triggered_by_child_resources,
  },
  retryBaseMs: null,
  ordering: 'none',
  coalesce: false,
});

export const changesOf = (patch: WebhookPatch): WebhookChanges => {
  const { name, url: address, retries, resource, trigger, identifier, triggered_by_child_resources } = patch;
  return {
    ...(name !== undefined && { name }),
    ...(address !== undefined && { url: address }),
    ...(retries !== undefined && { retries }),
    selection: {
      ...(resource !== undefined && { resource }),
      ...(trigger !== undefined && { trigger }),
      ...(identifier !== undefined && { identifier }),
      ...(triggered_by_child_resources !== undefined && {
        triggeredByChildResources: triggered_by_child_resources,
      }),
    },
  };
};
