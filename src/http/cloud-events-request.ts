import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Json } from '../domain/json.ts';
import { contentTypeOf, JSON_TYPE, readBody, readJson, takesCharset } from './body.ts';
import { EVENTS_MAX } from './cloud-event.ts';
import { type FieldError, invalid, type RequestFailure } from './failure.ts';
import { decodeText, parseJson } from './json-text.ts';

const STRUCTURED_TYPE = 'application/cloudevents+json';
const BATCH_TYPE = 'application/cloudevents-batch+json';
const TAKEN = [STRUCTURED_TYPE, BATCH_TYPE, JSON_TYPE];

/** The events of one request, still to be checked one by one. */
export interface ReceivedEvents {
  readonly events: ReadonlyArray<Json>;
  /** Whether the request is one event, not a batch that happens to hold one. */
  readonly single: boolean;
}

/**
 * Reads the three content modes of CloudEvents' HTTP binding. Plain application/json is read as what it holds: with
 * `ce-specversion` among the headers it is the data of a binary event, else a list is a batch and an object one event.
 */
export const readEvents = async (
  request: IncomingMessage,
): Promise<Either<RequestFailure, ReceivedEvents>> => {
  const { mediaType, charset } = contentTypeOf(request);
  if (!takesCharset(charset)) return notTaken(request);
  if (mediaType === STRUCTURED_TYPE || mediaType === BATCH_TYPE) {
    const body = await readJson(request);
    return isLeft(body) ? body : received(body.right, mediaType === BATCH_TYPE);
  }
  if (request.headers['ce-specversion'] !== undefined) return readBinary(request, mediaType);
  if (mediaType !== JSON_TYPE) return notTaken(request);
  const body = await readJson(request);
  return isLeft(body) ? body : received(body.right, Array.isArray(body.right));
};

const notTaken = (request: IncomingMessage): Either<RequestFailure, never> => {
  request.resume();
  return left({ _tag: 'MediaTypeNotTaken', taken: TAKEN });
};

const received = (body: Json, batch: boolean): Either<RequestFailure, ReceivedEvents> => {
  if (!batch) return right({ events: [body], single: true });
  if (!isList(body)) return left(invalid('body', 'must be a list of CloudEvents'));
  if (body.length === 0) return left(invalid('body', 'must hold at least one event'));
  if (body.length > EVENTS_MAX) return left(invalid('body', `must hold at most ${EVENTS_MAX} events`));
  return right({ events: body, single: false });
};

const isList = (value: Json): value is ReadonlyArray<Json> => Array.isArray(value);

const isJsonType = (mediaType: string): boolean => /^[^/\s]+\/(?:json|[^/\s]+\+json)$/.test(mediaType);

/** Attributes in headers, data in the body. */
const readBinary = async (
  request: IncomingMessage,
  mediaType: string,
): Promise<Either<RequestFailure, ReceivedEvents>> => {
  const attributes = attributesIn(request.headers);
  if (mediaType.startsWith('application/cloudevents')) return notTaken(request);
  // An event without data has no Content-Type either.
  if (!isJsonType(mediaType) && (mediaType !== '' || hasBody(request))) return notTaken(request);
  const bytes = await readBody(request);
  if (isLeft(bytes)) return bytes;
  if (isLeft(attributes)) return attributes;
  if (bytes.right.byteLength === 0) return right({ events: [attributes.right], single: true });
  const text = decodeText(bytes.right);
  if (isLeft(text)) return text;
  const data = parseJson(text.right);
  return isLeft(data) ? data : right({ events: [{ ...attributes.right, data: data.right }], single: true });
};

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

const PREFIX = 'ce-';
/** They stand in the body and in Content-Type, never in a header of their own. */
const NOT_IN_HEADERS: ReadonlySet<string> = new Set(['data', 'data_base64', 'datacontenttype']);

const attributesIn = (
  headers: IncomingHttpHeaders,
): Either<RequestFailure, Readonly<Record<string, string>>> => {
  const attributes: Array<readonly [string, string]> = [];
  const errors: FieldError[] = [];
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(PREFIX) || typeof value !== 'string') continue;
    const name = header.slice(PREFIX.length);
    if (NOT_IN_HEADERS.has(name)) continue;
    const decoded = decodeHeader(value);
    if (decoded === undefined) errors.push({ field: header, message: 'must be percent-encoded ASCII' });
    else attributes.push([name, decoded]);
  }
  return errors.length > 0 ? left({ _tag: 'InvalidFields', errors }) : right(Object.fromEntries(attributes));
};

const PRINTABLE = /^[\x20-\x7e]*$/;
const QUOTED = /^"(.*)"$/;

/** Source: CloudEvents HTTP binding 1.0.2, section 3.1.3.2: unquote, then one round of percent-decoding. */
const decodeHeader = (value: string): string | undefined => {
  if (!PRINTABLE.test(value)) return undefined;
  const unquoted = QUOTED.exec(value)?.[1]?.replace(/\\(.)/g, '$1') ?? value;
  try {
    return decodeURIComponent(unquoted);
  } catch (_malformed) {
    return undefined;
  }
};
