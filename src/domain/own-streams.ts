/**
 * Which streams are Callboard's. The words that our names begin with are common ones: a store that is shared with other
 * programs may hold an `order-5` or an `event-…` of theirs, so the whole name decides (`streamOf` in ids.ts writes them).
 */

const GUID_LENGTH = 36;
const DASH = 0x2d;

/** A hex digit as a GUID of ours has it: in lower case. */
const isHexDigit = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);

const areHexDigits = (text: string, from: number, to: number): boolean => {
  for (let at = from; at < to; at += 1) if (!isHexDigit(text.charCodeAt(at))) return false;
  return true;
};

/** Whether a GUID stands there, whatever follows it. The dashes first: what is none mostly fails there. */
const hasGuidAt = (text: string, start: number): boolean =>
  text.charCodeAt(start + 8) === DASH &&
  text.charCodeAt(start + 13) === DASH &&
  text.charCodeAt(start + 18) === DASH &&
  text.charCodeAt(start + 23) === DASH &&
  areHexDigits(text, start, start + 8) &&
  areHexDigits(text, start + 9, start + 13) &&
  areHexDigits(text, start + 14, start + 18) &&
  areHexDigits(text, start + 19, start + 23) &&
  areHexDigits(text, start + 24, start + GUID_LENGTH);

const isWithGuid = (stream: string, prefix: string): boolean =>
  stream.length === prefix.length + GUID_LENGTH &&
  stream.startsWith(prefix) &&
  hasGuidAt(stream, prefix.length);

const isResource = (stream: string, prefix: string): boolean =>
  stream.charCodeAt(prefix.length + GUID_LENGTH) === DASH &&
  stream.startsWith(prefix) &&
  hasGuidAt(stream, prefix.length);

const CLIENT = 'client-';
const CLIENT_NUMBER = /^client-[1-9]\d{0,15}$/;

/**
 * Whether the name of a stream is one of ours, of those that are read: `account-`, `webhook-` or `invocation-` and a GUID; a
 * resource, the GUID of its company and an identifier; `client-` and a number. Hot: every event that is read passes here.
 */
export const isOurStream = (stream: string): boolean => {
  // The first letter tells which one it may be.
  switch (stream[0]) {
    case 'i':
      return isWithGuid(stream, 'invocation-');
    case 'w':
      return isWithGuid(stream, 'webhook-');
    case 'a':
      return isWithGuid(stream, 'account-');
    case 'e':
      return isResource(stream, 'event-');
    case 't':
      return isResource(stream, 'ticket-');
    case 'p':
      return isResource(stream, 'product-');
    case 's':
      return isResource(stream, 'shop-') || isResource(stream, 'scanner-');
    case 'o':
      return isResource(stream, 'order-');
    case 'c':
      return CLIENT_NUMBER.test(stream);
    default:
      return false;
  }
};

/** A name that another program may well have given, too: there what stands in the stream has to tell whose it is. */
export const isCommonName = (stream: string): boolean => stream.startsWith(CLIENT);
