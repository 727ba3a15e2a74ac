import { createHmac } from 'node:crypto';
import { left, right } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { issueToken, type TokenClaims, verifyToken } from '../../src/adapters/jwt.ts';

const KEY = new Uint8Array(32).fill(7);
const COMPANY = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';
const NOW_MS = Date.UTC(2026, 0, 1);
const CLAIMS: TokenClaims = {
  subject: 'someone',
  role: 'partner',
  companies: [COMPANY],
  expiresAtMs: NOW_MS + 60_000,
};
const NOT_ACCEPTED = left({ _tag: 'TokenNotAccepted' });

/** A token with a good signature over any payload. */
const signed = (payload: object, header: object = { alg: 'HS256' }): string => {
  const text = [header, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${createHmac('sha256', KEY).update(text).digest('base64url')}`;
};

const GOOD = {
  iss: 'callboard',
  aud: 'callboard',
  sub: 'someone',
  role: 'partner',
  companies: [COMPANY],
  exp: NOW_MS / 1000 + 60,
};

const verify = verifyToken(KEY, { nowMs: () => NOW_MS });

describe('a token', () => {
  it('says who asks', async () => {
    const token = await issueToken(KEY, { ...CLAIMS, client: 12 }, NOW_MS);
    const principal = { subject: 'someone', role: 'partner', companies: [COMPANY], client: 12 };
    expect(await verify(token)).toEqual(right(principal));
    expect(await verify(token)).toEqual(right(principal));
  });

  it('may stand for every company and for no client', async () => {
    const token = await issueToken(KEY, { ...CLAIMS, role: 'platform', companies: '*' }, NOW_MS);
    expect(await verify(token)).toEqual(
      right({ subject: 'someone', role: 'platform', companies: '*', client: null }),
    );
  });

  it('ends at its expiry, remembered or not', async () => {
    let nowMs = NOW_MS;
    const moving = verifyToken(KEY, { nowMs: () => nowMs });
    const token = await issueToken(KEY, CLAIMS, NOW_MS);
    nowMs = CLAIMS.expiresAtMs - 1;
    expect(await moving(token)).toMatchObject({ _tag: 'Right' });
    nowMs = CLAIMS.expiresAtMs;
    expect(await moving(token)).toEqual(left({ _tag: 'TokenExpired' }));
    expect(await verifyToken(KEY, { nowMs: () => nowMs })(token)).toEqual(left({ _tag: 'TokenExpired' }));
  });

  it('is good as this test signs it', async () => {
    expect(await verify(signed(GOOD))).toMatchObject({ _tag: 'Right' });
  });

  it.each<[string, object, object?]>([
    ['without expiry', { ...GOOD, exp: undefined }],
    ['without subject', { ...GOOD, sub: undefined }],
    ['with an empty subject', { ...GOOD, sub: '' }],
    ['of another issuer', { ...GOOD, iss: 'elsewhere' }],
    ['for another audience', { ...GOOD, aud: 'elsewhere' }],
    ['with an unknown role', { ...GOOD, role: 'root' }],
    ['without role', { ...GOOD, role: undefined }],
    ['without companies', { ...GOOD, companies: undefined }],
    ['with a company that is no GUID', { ...GOOD, companies: ['mine'] }],
    ['with one company as text', { ...GOOD, companies: COMPANY }],
    ['with a client that is no integer', { ...GOOD, client: '12' }],
    ['that names no algorithm', GOOD, { alg: 'none' }],
    ['that names another algorithm', GOOD, { alg: 'HS384' }],
    ['with a critical extension', GOOD, { alg: 'HS256', crit: ['x'], x: 1 }],
  ])('%s is not accepted', async (_what, payload, header) => {
    expect(await verify(signed(payload, header))).toEqual(NOT_ACCEPTED);
  });

  it('of another key, cut or made up is not accepted', async () => {
    const foreign = await issueToken(new Uint8Array(32), CLAIMS, NOW_MS);
    const own = await issueToken(KEY, CLAIMS, NOW_MS);
    const { length } = own;
    for (const token of [foreign, own.slice(0, length - 1), '', '.', '..', 'a.b.c', 'x'.repeat(100_000)]) {
      expect(await verify(token)).toEqual(NOT_ACCEPTED);
    }
  });

  it('needs a key of at least 32 bytes', async () => {
    await expect(issueToken(new Uint8Array(31), CLAIMS, NOW_MS)).rejects.toThrow('32 bytes');
    expect(() => verifyToken(new Uint8Array(31), { nowMs: () => NOW_MS })).toThrow('32 bytes');
  });
});
