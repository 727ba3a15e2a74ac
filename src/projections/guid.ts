import { guidBytesIn } from '../domain/ids.ts';

/** Guids as tables hold them: 16 bytes, and a small integer of them to look them up by. */

/** Throws when the text is no guid in lower case with dashes: nothing else stands in the log. */
export const guidBytes = (guid: string): Uint8Array => {
  const bytes = guidBytesIn(guid);
  if (bytes === undefined) throw new Error(`not a guid: ${guid}`);
  return bytes;
};

export const guidText = (bytes: Uint8Array): string => {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

/** The first six bytes as an integer. An index on it is half as large as one on the guid; two guids may share one. */
export const guidHash = (guid: string): number => parseInt(guid.slice(0, 8) + guid.slice(9, 13), 16);
