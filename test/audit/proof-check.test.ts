import { generateKeyPairSync, hash, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkProof, type Proof, readRoot, type Root, wrap } from '../../src/audit/proof-check.ts';
import { prove, rootAt } from '../../src/audit/prove.ts';
import { sealHistory } from '../../src/audit/seal-history.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { readSeals } from '../../src/eventstore/seals.ts';
import { openRemovalIndex } from '../../src/eventstore/sqlite-removals.ts';
import { get } from '../contract/event-store.ts';
import { sealingDeps } from '../contract/seals.ts';
import { contents, nameOf, plain, write } from '../migration/logs.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const keyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const keyId = hash('sha256', publicKey.export({ type: 'spki', format: 'der' })).slice(0, 16);
const signer = {
  keyId,
  sign: (statement: string) => sign(null, Buffer.from(statement), privateKey).toString('base64'),
};

const made = async (): Promise<{ readonly proof: Proof; readonly root: Root }> => {
  const store = openMemoryStore();
  await write(store, plain(40));
  get(await sealHistory({ ...sealingDeps(store), signer }, 9));
  const { seals } = get(await readSeals(store));
  const stream = nameOf(2);
  const event = (await contents(store)).find((one) => one.stream === stream);
  const guid = stream.slice('invocation-'.length);
  const removals = openRemovalIndex();
  const proven = await prove(
    { log: store, seals, removals },
    { kind: 'invocation', guid, stream, revision: event?.revision ?? 0 },
  );
  removals.close();
  return { proof: get(proven).proof, root: rootAt(seals) };
};

const { proof, root } = await made();
const proofText = wrap('callboardProof', proof);
const rootText = wrap('callboardRoot', { root });

/** Every place in the object where a value stands. */
const placesIn = (value: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<ReadonlyArray<string>> =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, one]) => placesIn(one, [...path, key]))
    : [path];

const changedAt = (
  value: unknown,
  [key, ...rest]: ReadonlyArray<string>,
  change: (old: unknown) => unknown,
): unknown => {
  if (key === undefined) return change(value);
  if (Array.isArray(value))
    return (value as unknown[]).map((one, at) => (String(at) === key ? changedAt(one, rest, change) : one));
  const object = value as Record<string, unknown>;
  return { ...object, [key]: changedAt(object[key], rest, change) };
};

describe('a proof', () => {
  it('holds, and says what it proves', () => {
    const checked = checkProof(proofText, rootText, keyPem);
    expect(checked).toMatchObject({ holds: true });
    const text = checked.holds ? checked.lines.join('\n') : '';
    expect(text).toContain(`Invocation ${proof.guid}, from its first event on:`);
    expect(text).toContain('That is the root which you have kept');
    expect(text).toContain(`The root is signed with key ${keyId}.`);
    const alone = checkProof(proofText);
    expect(alone.holds ? alone.lines.join('\n') : '').toContain('could have made up all of it');
  });

  it('holds no more with any byte of its file changed, by itself', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 7 }), (place, bit) => {
        const bytes = Buffer.from(proofText);
        const at = place % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
        expect(checkProof(bytes.toString())).toMatchObject({ holds: false });
      }),
      { numRuns: 2_000 },
    );
  });

  it('holds no more with any value of it changed and its checksum made to fit, beside root and key', () => {
    const places = placesIn(proof);
    expect(places.length).toBeGreaterThan(50);
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.nat(), fc.integer({ min: 1, max: 9 }), (path, place, by) => {
        const changed = changedAt(proof, path, (old) => {
          if (typeof old === 'number') return old + by;
          const text = String(old);
          const at = place % (text.length + 1);
          const other = text[at] === '0' ? '1' : '0';
          return text.slice(0, at) + other + text.slice(at + 1);
        });
        expect(checkProof(wrap('callboardProof', changed as Proof), rootText, keyPem)).toMatchObject({
          holds: false,
        });
      }),
      { numRuns: 2_000 },
    );
  });

  it('needs the root that was kept, and the right key', () => {
    const other = wrap('callboardRoot', { root: { ...root, atMs: root.atMs + 1 } });
    expect(checkProof(proofText, other)).toMatchObject({ holds: false });
    const foreign = generateKeyPairSync('ed25519')
      .publicKey.export({ type: 'spki', format: 'pem' })
      .toString();
    expect(checkProof(proofText, rootText, foreign)).toMatchObject({
      holds: false,
      reason: expect.stringContaining('is signed with key') as unknown,
    });
    const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(checkProof(proofText, rootText, secret)).toMatchObject({ holds: false });
    expect(() => readRoot(proofText)).toThrow('this is no root of Callboard');
    expect(checkProof('{', rootText)).toMatchObject({
      holds: false,
      reason: 'this is no proof of Callboard: not JSON',
    });
  });
});
