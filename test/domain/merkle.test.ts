import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leadsTo } from '../../src/audit/proof-check.ts';
import {
  addLeaf,
  EMPTY_ROOT,
  leafHash,
  nodeHash,
  pathTo,
  rootOf,
  rootOfFrontier,
} from '../../src/domain/merkle.ts';

/** The leaves and roots that Certificate Transparency's implementations are tested with. */
const LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const leaves = LEAVES.map((hex) => leafHash(Buffer.from(hex, 'hex')));

/** As RFC 6962, section 2.1, defines it: split at the largest power of two below the number of leaves. */
const rootByTheBook = (hashes: ReadonlyArray<string>): string => {
  if (hashes.length <= 1) return hashes[0] ?? EMPTY_ROOT;
  let split = 1;
  while (split * 2 < hashes.length) split *= 2;
  return nodeHash(rootByTheBook(hashes.slice(0, split)), rootByTheBook(hashes.slice(split)));
};

const someLeaves = fc
  .integer({ min: 1, max: 70 })
  .map((size) => Array.from({ length: size }, (_, n) => leafHash(String(n))));

describe('Merkle trees of RFC 6962', () => {
  it('have the roots of the known vectors', () => {
    expect(EMPTY_ROOT).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(LEAVES.map((_, index) => rootOf(leaves.slice(0, index + 1)))).toEqual(ROOTS);
  });

  it('have the audit paths of the known vectors', () => {
    expect(pathTo(leaves, 0)).toEqual([
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ]);
    expect(pathTo(leaves.slice(0, 3), 2)).toEqual([
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    ]);
  });

  it('are the same level by level, leaf by leaf, and by the book', () => {
    fc.assert(
      fc.property(someLeaves, (hashes) => {
        const root = rootByTheBook(hashes);
        expect(rootOf(hashes)).toBe(root);
        const frontier = hashes.reduce<ReadonlyArray<string>>(
          (grown, leaf, size) => addLeaf(grown, size, leaf),
          [],
        );
        expect(rootOfFrontier(frontier)).toBe(root);
      }),
    );
  });

  it('have a path for every leaf, which leads to the root from there alone', () => {
    fc.assert(
      fc.property(someLeaves, fc.nat(), fc.nat(), (hashes, one, other) => {
        const [index, elsewhere] = [one % hashes.length, other % hashes.length];
        const [leaf = '', root, path] = [hashes[index], rootOf(hashes), pathTo(hashes, index)];
        expect(leadsTo(leaf, index, hashes.length, path, root)).toBe(true);
        expect(leadsTo(leaf, elsewhere, hashes.length, path, root)).toBe(elsewhere === index);
        expect(leadsTo(leafHash('another'), index, hashes.length, path, root)).toBe(false);
        expect(leadsTo(leaf, index, hashes.length, [...path, root], root)).toBe(false);
        if (path.length > 0) expect(leadsTo(leaf, index, hashes.length, path.slice(1), root)).toBe(false);
      }),
    );
  });
});
