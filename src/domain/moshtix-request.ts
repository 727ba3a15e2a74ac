import { isLeft } from 'fp-ts/lib/Either.js';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { inMilliseconds } from './order-print.ts';
import { parseTemplate, renderTemplateWithin, type Template, templateKindOf } from './template.ts';
import type { CustomRequest, SystemEvent } from './webhook.ts';

/** What a Moshtix-style webhook is sent. Shapes: the payload printed on the vendor's page "Webhooks". */

/** The template that the vendor prints; it serves webhooks that are saved without one. */
export const DEFAULT_TEMPLATE = '{ "eventType": "@eventType", "contextId": @contextId, "data": @data}';

/** `@eventType` of each system event. The second is not printed anywhere: it is named after the first. */
export const EVENT_TYPES: Readonly<Record<SystemEvent, string>> = {
  ORDER_SAVED: 'order-saved-prepare-full-message',
  EVENT_SAVED: 'event-saved-prepare-full-message',
};

/** The value of a header, whatever the case of its name. */
export const headerValue = (headers: CustomRequest['headers'], name: string): string | undefined =>
  headers.find((header) => header.name.toLowerCase() === name)?.value;

export interface CompiledRequest {
  readonly template: Template;
}

/** Throws for a template that is not valid: it was when it was saved, so no later version may refuse more than that. */
export const compileRequest = (request: CustomRequest): CompiledRequest => {
  const template = parseTemplate(request.body, templateKindOf(headerValue(request.headers, 'content-type')));
  if (isLeft(template)) throw new Error(`a saved template is refused: ${template.left.reason}`);
  return { template: template.right };
};

export interface SavedFields {
  readonly systemEvent: SystemEvent;
  /** The order's or event's identifier. */
  readonly contextId: string;
  readonly dataJson: string;
}

/** Code units; what is longer is not sent. An order of ten thousand tickets takes about half of it. */
export const SAVED_BODY_UNITS_MAX = 5 * 1024 * 1024;

/** Undefined: the body would be too long. */
export const renderSavedBody = ({ template }: CompiledRequest, fields: SavedFields): string | undefined => {
  const { systemEvent, contextId, dataJson } = fields;
  const values = { eventType: EVENT_TYPES[systemEvent], contextId, dataJson };
  return renderTemplateWithin(template, values, SAVED_BODY_UNITS_MAX);
};

export interface CustomHeaders {
  readonly request: CustomRequest;
  readonly invocation: string;
  readonly timestampSeconds: number;
  readonly version: string;
}

/** The webhook's own headers, and those of Standard Webhooks but the signature. It may name its own User-Agent and Content-Type. */
export const customHeaders = (attempt: CustomHeaders): Readonly<Record<string, string>> => {
  const own = attempt.request.headers;
  const isSet = (name: string): boolean => headerValue(own, name) !== undefined;
  return {
    ...(!isSet('content-type') && { 'Content-Type': 'application/json' }),
    ...(!isSet('user-agent') && { 'User-Agent': `Callboard/${attempt.version}` }),
    ...Object.fromEntries(own.map(({ name, value }) => [name, value])),
    'webhook-id': attempt.invocation,
    'webhook-timestamp': String(attempt.timestampSeconds),
  };
};

/** One thing as the platform reported it last; `data` is undefined when no report said what it is like. */
export interface LastReported {
  readonly identifier: string;
  readonly data: JsonObject | undefined;
}

/**
 * `@data` of EVENT_SAVED: the printed payload's nested event, with its ticket types beside it. What was never reported
 * is null; reported fields that the vendor does not print follow those it does.
 */
export const savedEvent = (event: LastReported, ticketTypes: ReadonlyArray<LastReported>): JsonObject => ({
  ...printedFirst(event, ['name', 'startDate', 'endDate', 'client']),
  ticketTypes: { items: ticketTypes.map((ticketType) => printedFirst(ticketType, ['name'])) },
});

const TIMES: ReadonlySet<string> = new Set(['startDate', 'endDate']);

const printedFirst = ({ identifier, data }: LastReported, fields: ReadonlyArray<string>): JsonObject => {
  const reported = data ?? {};
  const { id: _id, tags: _tags, relations: _relations, ticketTypes: _ticketTypes, ...others } = reported;
  return {
    id: reported['id'] ?? idOf(identifier),
    ...Object.fromEntries(fields.map((field) => [field, null])),
    tags: isJsonObject(reported['tags'] ?? null) ? (reported['tags'] as Json) : { items: [] },
    ...Object.fromEntries(
      Object.entries(others).map(([field, value]) => [
        field,
        TIMES.has(field) ? inMilliseconds(value) : value,
      ]),
    ),
  };
};

/** The vendor's ids are numbers. */
const idOf = (identifier: string): Json =>
  /^(?:0|[1-9]\d*)$/.test(identifier) && Number.isSafeInteger(Number(identifier))
    ? Number(identifier)
    : identifier;
