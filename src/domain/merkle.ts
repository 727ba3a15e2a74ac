import { hash } from 'node:crypto';

/**
 * Merkle trees as RFC 6962 (section 2.1) defines them: SHA-256, a leaf is hashed behind a byte 0 and a node behind a byte 1, so
 * that neither can be taken for the other. All hashes are in hex. A storage format: never changed.
 */

/** The root of a tree without leaves. */
export const EMPTY_ROOT = hash('sha256', '');

export const leafHash = (content: string | Uint8Array): string =>
  hash(
    'sha256',
    typeof content === 'string' ? `\u0000${content}` : Buffer.concat([Uint8Array.of(0), content]),
  );

const HASH_BYTES = 32;
/** Used again for each node: making one costs more than the hashing. */
const nodeBytes = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

export const nodeHash = (left: string, right: string): string => {
  nodeBytes.write(left, 1, 'hex');
  nodeBytes.write(right, 1 + HASH_BYTES, 'hex');
  return hash('sha256', nodeBytes);
};

/**
 * The root over hashes of leaves. Level by level, the last one of an odd number goes up as it is: that is the same tree as the
 * RFC's, which splits at powers of two. Yields after every `slice` hashes, so that a caller may do other things meanwhile.
 */
export function* rootInSlices(leaves: ReadonlyArray<string>, slice: number): Generator<void, string> {
  let level = leaves;
  let done = 0;
  while (level.length > 1) {
    const above: string[] = [];
    for (let at = 0; at < level.length; at += 2) {
      const [left = '', right] = level.slice(at, at + 2);
      above.push(right === undefined ? left : nodeHash(left, right));
      done += 1;
      if (done % slice === 0) yield;
    }
    level = above;
  }
  return level[0] ?? EMPTY_ROOT;
}

export const rootOf = (leaves: ReadonlyArray<string>): string =>
  rootInSlices(leaves, Infinity).next().value ?? EMPTY_ROOT;

/** The audit path of one leaf (RFC 6962, section 2.1.1): its neighbours from the bottom to the top. */
export const pathTo = (leaves: ReadonlyArray<string>, index: number): ReadonlyArray<string> => {
  const path: string[] = [];
  let level = leaves;
  for (let at = index; level.length > 1; at >>>= 1) {
    const neighbour = level[at ^ 1];
    if (neighbour !== undefined) path.push(neighbour);
    level = Array.from({ length: Math.ceil(level.length / 2) }, (_, pair) => {
      const [left = '', right] = level.slice(2 * pair, 2 * pair + 2);
      return right === undefined ? left : nodeHash(left, right);
    });
  }
  return path;
};

/**
 * What has to be remembered of a tree to add leaves to it: the roots of the full trees that it consists of, the largest
 * first. One for each 1 in the binary form of the number of leaves.
 */
export type Frontier = ReadonlyArray<string>;

/** One more leaf after `size` of them. */
export const addLeaf = (frontier: Frontier, size: number, leaf: string): Frontier => {
  const kept = [...frontier];
  let added = leaf;
  for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) added = nodeHash(kept.pop() ?? '', added);
  return [...kept, added];
};

export const rootOfFrontier = (frontier: Frontier): string =>
  frontier.length === 0 ? EMPTY_ROOT : frontier.reduceRight((right, left) => nodeHash(left, right));
