import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { DEFAULT_TEMPLATE, headerValue } from '../../domain/moshtix-request.ts';
import { parseTemplate, templateKindOf } from '../../domain/template.ts';
import type { CustomRequest, MoshtixSelection, SystemEvent } from '../../domain/webhook.ts';
import type { CheckUrl } from '../deps.ts';
import type { FieldError } from '../failure.ts';
import { url } from '../webhook-fields.ts';
import type { ClientInput } from './client-account.ts';
import { type HeaderInput, type ReadHeaders, readHeaders } from './header-input.ts';

type SystemEvents = MoshtixSelection['systemEvents'];

interface ListInput<Item> {
  readonly items?: ReadonlyArray<Item> | null;
}

interface SystemEventTypeInput {
  readonly id?: number | null;
  readonly systemEventType?: SystemEvent | null;
}

/** As GraphQL hands it over: what is absent is no key, what is null is null. */
export interface WebhookInput {
  readonly id?: number | null;
  readonly client?: ClientInput | null;
  readonly url?: string | null;
  readonly headers?: ListInput<HeaderInput> | null;
  readonly body?: string | null;
  readonly systemEventTypes?: ListInput<SystemEventTypeInput> | null;
  readonly enabled?: boolean | null;
}

/** All that an input can say of a webhook. */
export interface WebhookContent {
  readonly url: string;
  readonly systemEvents: SystemEvents;
  readonly request: CustomRequest;
  readonly enabled: boolean;
}

export interface NumberedContent {
  readonly content: WebhookContent;
  /** How many ids new headers and system event types took. Those beyond the ids at hand are 0. */
  readonly idsTaken: number;
}

/**
 * What the webhook is to be: the input put over what it is at present, or over the defaults of a new one. Absent
 * attributes stay; null puts back the default of those that have one. Left: all that is wrong.
 */
export const contentOf = (
  checkUrl: CheckUrl,
  input: WebhookInput,
  present: WebhookContent | undefined,
  ids: ReadonlyArray<number>,
): Either<ReadonlyArray<FieldError>, NumberedContent> => {
  const errors: FieldError[] = [];
  let idsTaken = 0;
  const nextId = (): number => ids[idsTaken++] ?? 0;
  const keep = <A>(field: string, result: Either<ReadonlyArray<FieldError> | string, A>): A | undefined => {
    if (result._tag === 'Right') return result.right;
    errors.push(...(typeof result.left === 'string' ? [{ field, message: result.left }] : result.left));
    return undefined;
  };

  for (const error of clientErrors(input.client, present === undefined)) errors.push(error);
  const address = keep('url', urlOf(checkUrl, input.url, present?.url));
  const { headers, errors: headerErrors } = headersOf(input.headers, present?.request.headers ?? [], nextId);
  errors.push(...headerErrors);
  const body =
    input.body === undefined ? (present?.request.body ?? DEFAULT_TEMPLATE) : (input.body ?? DEFAULT_TEMPLATE);
  if (present === undefined || input.headers !== undefined || input.body !== undefined) {
    keep('body', bodyFits(body, headers, input.body === undefined));
  }
  const systemEvents = keep(
    'systemEventTypes',
    systemEventsOf(input.systemEventTypes, present?.systemEvents, nextId),
  );
  const enabled = keep(
    'enabled',
    input.enabled === null ? left(NOT_NULL) : right(input.enabled ?? present?.enabled ?? true),
  );

  if (address === undefined || systemEvents === undefined || enabled === undefined) {
    return left(errors);
  }
  if (errors.length > 0) return left(errors);
  return right({ content: { url: address, systemEvents, request: { headers, body }, enabled }, idsTaken });
};

const NOT_NULL = 'is required and cannot be null';

/** Whose client account it is was looked at before. */
const clientErrors = (client: ClientInput | null | undefined, isNew: boolean): ReadonlyArray<FieldError> => {
  if (client === null || (isNew && client === undefined)) return [{ field: 'client', message: NOT_NULL }];
  if (client === undefined) return [];
  const missing = client.id === null || (isNew && client.id === undefined);
  return missing ? [{ field: 'client.id', message: NOT_NULL }] : [];
};

const urlOf = (
  checkUrl: CheckUrl,
  given: string | null | undefined,
  present: string | undefined,
): Either<string, string> => {
  if (given === undefined && present !== undefined) return right(present);
  return given === undefined || given === null ? left(NOT_NULL) : url(checkUrl)(given);
};

const headersOf = (
  given: ListInput<HeaderInput> | null | undefined,
  present: CustomRequest['headers'],
  nextId: () => number,
): ReadHeaders => {
  if (given === undefined) return { headers: present, errors: [] };
  if (given === null || given.items === null) return { headers: [], errors: [] };
  return given.items === undefined
    ? { headers: present, errors: [{ field: 'headers', message: 'must have items' }] }
    : readHeaders(given.items, present, nextId);
};

/** `kept`: the body is that of before, so it is the Content-Type that does not fit it. */
const bodyFits = (
  body: string,
  headers: CustomRequest['headers'],
  kept: boolean,
): Either<string, undefined> => {
  const contentType = headerValue(headers, 'content-type');
  const template = parseTemplate(body, templateKindOf(contentType));
  if (!isLeft(template)) return right(undefined);
  const { reason, line, column } = template.left;
  const what = kept ? 'stays, but does not fit the Content-Type' : 'cannot be used';
  return left(`${what}: line ${line}, column ${column}: ${reason}`);
};

const systemEventsOf = (
  given: ListInput<SystemEventTypeInput> | null | undefined,
  present: SystemEvents | undefined,
  nextId: () => number,
): Either<ReadonlyArray<FieldError> | string, SystemEvents> => {
  if (given === undefined && present !== undefined) return right(present);
  if (given === undefined || given === null) return left(NOT_NULL);
  const items = given.items ?? [];
  if (items.length === 0) return left('must have at least one item');
  if (items.length > SYSTEM_EVENT_ITEMS_MAX) return left('must name each type only once');

  const errors: FieldError[] = [];
  const named = new Set(items.map(({ id }) => id ?? null));
  const seenIds = new Set<number>();
  const seen = new Set<SystemEvent>();
  const systemEvents = items.flatMap((item, index): SystemEvents => {
    const complain = (part: string, message: string): void => {
      errors.push({ field: `systemEventTypes.items[${index}].${part}`, message });
    };
    const id = item.id ?? null;
    const known = present?.find((one) => one.id === id);
    if (id !== null && known === undefined)
      complain('id', 'is not that of a system event type of this webhook');
    if (id !== null && seenIds.has(id)) complain('id', 'is there twice');
    if (id !== null) seenIds.add(id);
    const systemEvent = item.systemEventType === undefined ? known?.systemEvent : item.systemEventType;
    if (systemEvent === undefined || systemEvent === null) {
      complain('systemEventType', NOT_NULL);
      return [];
    }
    if (seen.has(systemEvent)) complain('systemEventType', 'is there twice');
    seen.add(systemEvent);
    const same = present?.find((one) => one.systemEvent === systemEvent && !named.has(one.id));
    return [{ id: id ?? same?.id ?? nextId(), systemEvent }];
  });
  return errors.length > 0 ? left(errors) : right(systemEvents);
};

/** Far more than there are types: what is beyond repeats some for certain, and is not looked at one by one. */
const SYSTEM_EVENT_ITEMS_MAX = 20;
