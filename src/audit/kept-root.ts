import { createPublicKey, hash, verify } from 'node:crypto';
import { leafHash, rootOf } from '../domain/merkle.ts';
import { coreText, describeSeal, type HistorySealed, statementText } from '../domain/seal.ts';
import { type Root, statement } from './proof-check.ts';

/** Today's seals beside what was kept of earlier ones. */

/** Undefined: the history contains what the root stands for. Else what does not, and where, as far as a root tells. */
export const rootFault = (root: Root, seals: ReadonlyArray<HistorySealed>): string | undefined => {
  const kept = `the root of seal ${root.number}`;
  if (seals.length < root.number) {
    return `${kept}, ${root.events} events: the history was truncated, it has ${seals.length} seals and ${seals.at(-1)?.events ?? 0} sealed events`;
  }
  const there = seals[root.number - 1];
  if (there !== undefined && statementText(there) === statement(root)) return undefined;
  const from = firstOther(root, seals);
  const [first, last] = [seals[from.index], seals[from.end - 1]];
  const place =
    first === undefined || last === undefined
      ? ''
      : `, first in seals ${first.number} to ${last.number}: events ${first.events - first.count + 1} to ${last.events}`;
  return `${kept}, ${root.events} events: the history was rewritten${place}`;
};

/**
 * The path of a root holds the roots of all full trees before its own leaf: each stands for a range of seals, and those of
 * today are compared with them. What all of them agree on, only the seal itself can differ in.
 */
const firstOther = (
  { number, path }: Root,
  seals: ReadonlyArray<HistorySealed>,
): { readonly index: number; readonly end: number } => {
  const ranges: Array<{ readonly index: number; readonly end: number; readonly hash: string }> = [];
  let end = number - 1;
  let [size, rest] = [1, number - 1];
  for (const neighbour of path) {
    while (rest % 2 === 0 && rest > 0) [rest, size] = [rest / 2, size * 2];
    ranges.unshift({ index: end - size, end, hash: neighbour });
    end -= size;
    [rest, size] = [(rest - 1) / 2, size * 2];
  }
  const other = ranges.find(
    (range) =>
      rootOf(seals.slice(range.index, range.end).map((one) => leafHash(coreText(one)))) !== range.hash,
  );
  return other ?? { index: number - 1, end: number };
};

const KEY_ID_DIGITS = 16;

/** From the first signed seal on all have to be, with this key. Answers how many are, or the first that is not. */
export const signedSeals = (
  seals: ReadonlyArray<HistorySealed>,
  keyPem: string,
): { readonly signed: number; readonly keyId: string; readonly fault: string | undefined } => {
  const key = createPublicKey(keyPem);
  const keyId = hash('sha256', key.export({ type: 'spki', format: 'der' })).slice(0, KEY_ID_DIGITS);
  let signed = 0;
  for (const seal of seals) {
    if (seal.signature === null && signed === 0) continue;
    const fits =
      seal.signature?.keyId === keyId &&
      verify(null, Buffer.from(statementText(seal)), key, Buffer.from(seal.signature.value, 'base64'));
    if (!fits) return { signed, keyId, fault: `${describeSeal(seal)}, is not signed with key ${keyId}` };
    signed += 1;
  }
  return { signed, keyId, fault: signed === 0 ? 'no seal is signed' : undefined };
};
