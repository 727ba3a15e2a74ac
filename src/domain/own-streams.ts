/**
 * Which streams are Callboard's. The words that our names begin with are common ones: a store that is shared with other
 * programs may hold an `order-5` or an `event-…` of theirs, so the whole name decides (`streamOf` in ids.ts writes them).
 */

import { streamOf } from './ids.ts';

const GUID_LENGTH = 36;
const DASH = 0x2d;

const HEX_DIGITS = 32;

/** By code unit: 1 for a digit of a GUID as ours are written, in lower case. Counting is half as dear as asking for ranges. */
const IS_HEX_DIGIT = new Uint8Array(0x10000);
for (const digit of '0123456789abcdef') IS_HEX_DIGIT[digit.charCodeAt(0)] = 1;

/** Whether a GUID stands there, whatever follows it. The dashes first: what is none mostly fails there. */
const hasGuidAt = (text: string, start: number): boolean => {
  if (
    text.charCodeAt(start + 8) !== DASH ||
    text.charCodeAt(start + 13) !== DASH ||
    text.charCodeAt(start + 18) !== DASH ||
    text.charCodeAt(start + 23) !== DASH
  ) {
    return false;
  }
  let digits = 0;
  for (let at = start; at < start + GUID_LENGTH; at += 1) digits += IS_HEX_DIGIT[text.charCodeAt(at)] ?? 0;
  return digits === HEX_DIGITS;
};

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
 * Whether the name of a stream is one of ours, of those that are read: `account-`, `webhook-`, `invocation-` or `job-` and a GUID; a
 * resource or an erasure, the GUID of its company and an identifier; `client-` and a number; that of the seals, where it is asked for. Hot:
 * every event that is read passes here.
 */
export const isOurStream = (stream: string): boolean => {
  // The first letter tells which one it may be.
  switch (stream[0]) {
    case 'i':
      return isWithGuid(stream, 'invocation-');
    case 'w':
      return isWithGuid(stream, 'webhook-');
    case 'j':
      return isWithGuid(stream, 'job-');
    case 'a':
      return isWithGuid(stream, 'account-');
    case 'e':
      return isResource(stream, 'event-') || isResource(stream, 'erasure-');
    case 't':
      return isResource(stream, 'ticket-');
    case 'p':
      return isResource(stream, 'product-');
    case 's':
      return isResource(stream, 'shop-') || isResource(stream, 'scanner-');
    case 'o':
      return isResource(stream, 'order-');
    case 'c':
      return CLIENT_NUMBER.test(stream) || stream === streamOf.seals;
    default:
      return false;
  }
};

/** A name that another program may well have given, too: there what stands in the stream has to tell whose it is. */
export const isCommonName = (stream: string): boolean => stream.startsWith(CLIENT);
