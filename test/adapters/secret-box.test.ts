import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { newNonce, newWebhookSecret, openSecretBox, SecretBoxError } from '../../src/adapters/secret-box.ts';
import { systemRandom } from '../../src/adapters/system-random.ts';

const random = systemRandom();
const MASTER = '0123456789abcdef'.repeat(4);

const tagOf = (open: () => unknown): string => {
  try {
    open();
  } catch (error) {
    if (error instanceof SecretBoxError) return error._tag;
    throw error;
  }
  return 'opened';
};

describe('openSecretBox', () => {
  it('opens what it sealed, after a restart too', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (plain) => {
        const sealed = openSecretBox(MASTER, random).seal(plain);
        expect(openSecretBox(MASTER, random).open(sealed)).toBe(plain);
      }),
    );
  });

  it('seals in the stored form, never twice alike', () => {
    const box = openSecretBox(MASTER, random);
    const sealed = Array.from({ length: 100 }, () => box.seal('whsec_x'));
    for (const text of sealed) expect(text).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]+$/);
    expect(new Set(sealed).size).toBe(100);
    expect(sealed.join()).not.toContain('whsec');
  });

  it('takes its IV from the random port', () => {
    const box = openSecretBox(MASTER, { ...random, bytes: (length) => new Uint8Array(length).fill(7) });
    const bytes = Buffer.from(box.seal('x').split('.')[2] ?? '', 'base64url');
    expect(bytes.subarray(0, 12)).toEqual(Buffer.alloc(12, 7));
  });

  it('still opens what was stored by earlier versions', () => {
    const sealed = 'v1.3a25230c.EPXml0Gw2z3YzhkKsjTJKOj-LM7Ajw0rYpLeaiqnceKB4hetDQocUw';
    expect(openSecretBox(MASTER, random).open(sealed)).toBe('whsec_golden');
  });

  it('notices every changed, missing or added character', () => {
    const box = openSecretBox(MASTER, random);
    const sealed = box.seal('whsec_abcdefgh');
    for (let at = 0; at < sealed.length; at += 1) {
      const other = sealed[at] === 'A' ? 'B' : 'A';
      expect(
        tagOf(() => box.open(sealed.slice(0, at) + other + sealed.slice(at + 1))),
        `${at}`,
      ).not.toBe('opened');
      expect(
        tagOf(() => box.open(sealed.slice(0, at) + sealed.slice(at + 1))),
        `${at}`,
      ).not.toBe('opened');
      expect(
        tagOf(() => box.open(sealed.slice(0, at) + '=' + sealed.slice(at))),
        `${at}`,
      ).not.toBe('opened');
    }
    for (const text of [
      '',
      'v1',
      'v1..',
      'v2.' + sealed.slice(3),
      `${sealed}.`,
      `${sealed}=`,
      'whsec_plain',
    ]) {
      expect(
        tagOf(() => box.open(text)),
        text,
      ).toBe('SealBroken');
    }
  });

  it('tells another master secret from damage', () => {
    const sealed = openSecretBox(`${MASTER}!`, random).seal('x');
    expect(tagOf(() => openSecretBox(MASTER, random).open(sealed))).toBe('OtherMasterSecret');
  });

  it('keeps its purposes apart, and its keys to itself', () => {
    const box = openSecretBox(MASTER, random);
    expect(box.tokenKey()).toHaveLength(32);
    expect(Buffer.from(box.tokenKey()).toString('hex')).not.toBe(MASTER);
    expect(openSecretBox(MASTER, random).tokenKey()).toEqual(box.tokenKey());
    expect(openSecretBox(`${MASTER}!`, random).tokenKey()).not.toEqual(box.tokenKey());
    box.tokenKey().fill(0);
    expect(box.tokenKey().some((byte) => byte !== 0)).toBe(true);
  });

  it('needs a master secret', () => {
    expect(() => openSecretBox('', random)).toThrow('the master secret is empty');
  });
});

describe('newWebhookSecret', () => {
  it('makes secrets that Standard Webhooks accepts', () => {
    const secret = newWebhookSecret(random);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/);
    expect(() => new Webhook(secret).sign('1', new Date(0), '{}')).not.toThrow();
    expect(newWebhookSecret(random)).not.toBe(secret);
  });
});

describe('newNonce', () => {
  it('makes 20 letters and digits, no two alike', () => {
    const nonces = Array.from({ length: 1000 }, () => newNonce(random));
    for (const nonce of nonces) expect(nonce).toMatch(/^[A-Za-z0-9]{20}$/);
    expect(new Set(nonces).size).toBe(1000);
  });

  it('makes every letter as likely as the others', () => {
    let next = 0;
    const everyByteInTurn = { ...random, bytes: () => Uint8Array.of(next++ % 256) };
    const letters = Array.from({ length: 62 }, () => newNonce(everyByteInTurn)).join('');
    const counts = Map.groupBy(letters, (letter) => letter);
    expect(counts.size).toBe(62);
    // 62 nonces are 1,240 letters: five whole rounds of the 248 bytes that count.
    expect([...counts.values()].every((same) => same.length === 20)).toBe(true);
  });
});
