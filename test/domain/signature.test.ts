import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { formatSecret, Signer, signingKey } from '../../src/domain/signature.ts';

/** The reference library is the second opinion. It refuses old timestamps, so the clock follows the message. */
beforeAll(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterAll(() => {
  vi.useRealTimers();
});

interface Message {
  readonly secrets: ReadonlyArray<string>;
  readonly id: string;
  readonly timestampSeconds: number;
  readonly body: string;
}

const secret = fc.uint8Array({ minLength: 24, maxLength: 64 }).map(formatSecret);

const message = (secrets: number): fc.Arbitrary<Message> =>
  fc.record({
    secrets: fc.uniqueArray(secret, { minLength: secrets, maxLength: secrets }),
    id: fc.uuid(),
    timestampSeconds: fc.integer({ min: 1, max: 4_102_444_800 }),
    body: fc.oneof(fc.json(), fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ unit: 'grapheme' })),
  });

const signer = new Signer();

const sign = ({ secrets, id, timestampSeconds, body }: Message): string =>
  signer.signature(secrets, { 'webhook-id': id, 'webhook-timestamp': String(timestampSeconds) }, body);

const verifies = (secret: string, { id, timestampSeconds, body }: Message, signature: string): boolean => {
  vi.setSystemTime(timestampSeconds * 1000);
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': signature,
  };
  try {
    new Webhook(secret).verify(body, headers, { jsonParse: false });
    return true;
  } catch (error) {
    expect(error).toMatchObject({ message: 'No matching signature found' });
    return false;
  }
};

describe('a signature', () => {
  it('is that of the Standard Webhooks library', () => {
    fc.assert(
      fc.property(message(1), (sent) => {
        const [key = ''] = sent.secrets;
        const expected = new Webhook(key).sign(sent.id, new Date(sent.timestampSeconds * 1000), sent.body);
        expect(sign(sent)).toBe(expected);
        expect(verifies(key, sent, sign(sent))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('while a secret is rotated both verify, and no other', () => {
    fc.assert(
      fc.property(message(3), (sent) => {
        const [newer = '', older = '', retired = ''] = sent.secrets;
        const signature = sign({ ...sent, secrets: [newer, older] });
        expect(signature).toMatch(/^v1,\S+ v1,\S+$/);
        expect(verifies(newer, sent, signature)).toBe(true);
        expect(verifies(older, sent, signature)).toBe(true);
        expect(verifies(retired, sent, signature)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('one changed character of the body, the id or the time does not verify', () => {
    fc.assert(
      fc.property(message(1), fc.nat(), fc.integer({ min: 1, max: 0x7f }), (sent, at, flip) => {
        const [key = ''] = sent.secrets;
        const signature = sign(sent);
        const bytes = Buffer.from(sent.body.length > 0 ? sent.body.toWellFormed() : 'x');
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ flip;
        fc.pre(!bytes.toString().includes('\ufffd'));
        expect(verifies(key, { ...sent, body: bytes.toString() }, signature)).toBe(false);
        expect(verifies(key, { ...sent, timestampSeconds: sent.timestampSeconds + 1 }, signature)).toBe(
          false,
        );
        expect(verifies(key, { ...sent, id: `${sent.id}0` }, signature)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

it('a secret is shown as whsec_ and standard Base64 with padding', () => {
  expect(formatSecret(Uint8Array.from({ length: 25 }, () => 0xfb))).toBe(
    'whsec_+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+w==',
  );
});

it('a secret reads back as the bytes that it was made of', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), (bytes) => {
      expect(new Uint8Array(signingKey(formatSecret(bytes)).export())).toEqual(bytes);
    }),
  );
});
