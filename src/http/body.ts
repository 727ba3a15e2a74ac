import type { IncomingMessage } from 'node:http';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Json } from '../domain/json.ts';
import { type FieldError, invalid, type RequestFailure } from './failure.ts';
import { decodeText, parseJson } from './json-text.ts';

export const BODY_BYTES_MAX = 1024 * 1024;

export interface ContentType {
  /** Lower case, without parameters; '' when the header is missing. */
  readonly mediaType: string;
  readonly charset: string | undefined;
}

export const contentTypeOf = (request: IncomingMessage): ContentType => {
  const [mediaType = '', ...parameters] = (request.headers['content-type'] ?? '').split(';');
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/i.exec(parameter)?.[1]?.toLowerCase())
    .find((found) => found !== undefined);
  return { mediaType: mediaType.trim().toLowerCase(), charset };
};

/** The whole body, counted while it comes in: what is over the limit is never kept. */
export const readBody = (
  request: IncomingMessage,
  bytesMax = BODY_BYTES_MAX,
): Promise<Either<RequestFailure, Buffer>> => {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== '') return refuse(request, { _tag: 'EncodingNotTaken' });
  const tooLarge: RequestFailure = { _tag: 'BodyTooLarge', bytesMax };
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return refuse(request, tooLarge);

  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (outcome: Either<RequestFailure, Buffer>): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      resolve(outcome);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) {
        end(left(tooLarge));
        request.resume();
      } else chunks.push(chunk);
    };
    const onEnd = (): void => {
      const [first] = chunks;
      end(right(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, bytes)));
    };
    /** Nobody is there any more to read the answer. */
    const onClose = (): void => end(left({ _tag: 'NotParseable', message: 'The body ended too early.' }));
    request.on('data', onData).on('end', onEnd).on('close', onClose);
  });
};

/** The rest is thrown away as it comes, so that the client gets to read the answer; the server's timeouts end it. */
export const refuse = (
  request: IncomingMessage,
  failure: RequestFailure,
): Promise<Either<RequestFailure, never>> => {
  request.resume();
  return Promise.resolve(left(failure));
};

export const readJson = async (
  request: IncomingMessage,
  bytesMax = BODY_BYTES_MAX,
): Promise<Either<RequestFailure, Json>> => {
  const bytes = await readBody(request, bytesMax);
  if (isLeft(bytes)) return bytes;
  const text = decodeText(bytes.right);
  return isLeft(text) ? text : parseJson(text.right);
};

export const JSON_TYPE = 'application/json';
const MERGE_PATCH_TYPE = 'application/merge-patch+json';
const URLENCODED_TYPE = 'application/x-www-form-urlencoded';
const MULTIPART_TYPE = 'multipart/form-data';

const CREATE_TYPES = [JSON_TYPE, URLENCODED_TYPE, MULTIPART_TYPE];
const PATCH_TYPES = [JSON_TYPE, MERGE_PATCH_TYPE, URLENCODED_TYPE, MULTIPART_TYPE];

/** JSON is UTF-8; other texts are taken as UTF-8 too. */
export const takesCharset = (charset: string | undefined): boolean =>
  charset === undefined || charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii';

/**
 * The named values of a body, from JSON or from a form; both are then checked by the same table of fields. A form's
 * values are texts, and a name that comes twice has a list of them.
 */
export const readFields = async (request: IncomingMessage): Promise<Either<RequestFailure, Json>> => {
  const taken = request.method === 'PATCH' ? PATCH_TYPES : CREATE_TYPES;
  const { mediaType, charset } = contentTypeOf(request);
  if (!taken.includes(mediaType) || !takesCharset(charset)) {
    return refuse(request, { _tag: 'MediaTypeNotTaken', taken });
  }
  if (mediaType === JSON_TYPE || mediaType === MERGE_PATCH_TYPE) return readJson(request);
  const bytes = await readBody(request);
  if (isLeft(bytes)) return bytes;
  if (mediaType === MULTIPART_TYPE) return parseMultipart(bytes.right, request.headers['content-type'] ?? '');
  const text = decodeText(bytes.right);
  if (isLeft(text)) return text;
  // Counted before it is parsed: a megabyte holds half a million of them.
  if (text.right.split('&', FORM_FIELDS_MAX + 1).length > FORM_FIELDS_MAX) return left(TOO_MANY_FIELDS);
  return gather([...new URLSearchParams(text.right)]);
};

/** Values in a form; the largest form that is taken here has about ten. */
const FORM_FIELDS_MAX = 1_000;

const TOO_MANY_FIELDS = invalid('body', `must have at most ${FORM_FIELDS_MAX} form fields`);

const parseMultipart = async (bytes: Buffer, contentType: string): Promise<Either<RequestFailure, Json>> => {
  let form: FormData;
  try {
    form = await new Response(new Uint8Array(bytes), {
      headers: { 'content-type': contentType },
    }).formData();
  } catch (_unreadable) {
    return left({ _tag: 'NotParseable', message: 'The body is not valid multipart/form-data.' });
  }
  const values = gather([...form]);
  if (isLeft(values)) return values;
  // All parts are texts; the parser would have put question marks for what is not UTF-8.
  const text = decodeText(bytes);
  return isLeft(text) ? text : values;
};

const gather = (
  entries: ReadonlyArray<readonly [string, string | File]>,
): Either<RequestFailure, Readonly<Record<string, string | ReadonlyArray<string>>>> => {
  if (entries.length > FORM_FIELDS_MAX) return left(TOO_MANY_FIELDS);
  const values = new Map<string, string | string[]>();
  const errors: FieldError[] = [];
  for (const [name, value] of entries) {
    const before = values.get(name);
    if (typeof value !== 'string') errors.push({ field: name, message: 'must be a text, not a file' });
    else if (before === undefined) values.set(name, value);
    else if (typeof before === 'string') values.set(name, [before, value]);
    else before.push(value);
  }
  if (errors.length > 0) return left({ _tag: 'InvalidFields', errors });
  // A key is a key here, whatever its name: fromEntries defines own properties.
  return right(Object.fromEntries(values));
};
