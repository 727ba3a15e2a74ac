import { isLeft } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/adapters/system-random.ts';
import type { DomainEvent } from '../../src/domain/events.ts';
import type { ResourceChange } from '../../src/domain/resource-change.ts';
import { decode, emptyHead, lockedBy, seal } from '../../src/eventstore/codec.ts';
import type { EventData, RecordedEvent } from '../../src/eventstore/event-store.ts';
import { KeyRing } from '../../src/eventstore/key-ring.ts';
import { memoryKeys } from '../../src/eventstore/memory-keys.ts';
import type { CustomerKey } from '../../src/domain/customer-key.ts';

const COMPANY = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';
const CAUSE = { correlationId: COMPANY, causationId: COMPANY, actor: 'test', companyId: COMPANY };
const STREAM = `order-${COMPANY}-1`;

const newRing = (): KeyRing =>
  new KeyRing({
    keeper: memoryKeys(),
    random: systemRandom(),
    wrap: (plain) => `wrapped ${plain}`,
    unwrap: (wrapped) => wrapped.slice('wrapped '.length),
    subjectSecret: new Uint8Array(32),
  });

const keyIn = async (ring: KeyRing, email = 'fred@example.org'): Promise<CustomerKey> => {
  const subject = ring.subjectOf(COMPANY, { by: 'email', value: email });
  await ring.make([subject]);
  const key = ring.current(subject);
  if (key === undefined) throw new Error('no key');
  return key;
};

const change = (customer?: CustomerKey): ResourceChange => ({
  type: 'OrderSold',
  companyId: COMPANY,
  resource: 'order',
  identifier: '1',
  changeType: 'order.sold',
  triggers: ['create'],
  source: '/s',
  id: '1',
  fingerprint: 'f',
  occurredAtMs: 1,
  data: JSON.parse(
    '{"customer":{"id":7,"email":"fred@example.org"},"__proto__":{"phone":612345678},"7":{"ip":["1.2.3.4"]},"note":"x"}',
  ) as ResourceChange['data'],
  relations: { declared: [], derived: [] },
  ...(customer !== undefined && { customer }),
  atMs: 1,
});

const sealed = (event: DomainEvent, stream = STREAM): EventData => {
  const [first] = seal(stream, emptyHead(stream), [{ id: COMPANY, event }], CAUSE).append.events;
  if (first === undefined) throw new Error('nothing was sealed');
  const { id, type, data, metadata } = first;
  // As a store gives it back.
  return { id, type, data, metadata };
};

const at = (event: EventData, stream = STREAM, revision = 0): RecordedEvent => ({
  stream,
  revision,
  position: 1,
  event,
});

const read = (recorded: RecordedEvent): ResourceChange => {
  const decoded = decode(recorded);
  if (isLeft(decoded)) throw new Error(decoded.left.reason);
  return decoded.right.event as ResourceChange;
};

describe('personal data in stored events', () => {
  it('is read with the key, and by nobody else', async () => {
    const ring = newRing();
    const key = await keyIn(ring);
    const event = change(key);
    const stored = sealed(event);
    expect(stored.data).not.toMatch(/fred|612345678|1\.2\.3\.4/);
    const locked = lockedBy((id) => ring.keyOf(id));
    expect(JSON.stringify(read(locked(at(stored))).data)).toBe(JSON.stringify(event.data));
    expect(read(locked(at(stored))).customer?.id).toBe(key.id);
    const shown = read(at(stored));
    expect(JSON.stringify(shown.data)).toBe(
      '{"7":{"ip":"***"},"customer":{"id":7,"email":"***"},"__proto__":{"phone":"***"},"note":"x"}',
    );
    expect(shown.customer?.isForgotten).toBe(true);
    await ring.forget(key.id);
    expect(read(locked(at(stored))).data).toEqual(shown.data);
    expect([key.isForgotten, key.seal('a', 'b'), key.mark('a')]).toEqual([true, undefined, undefined]);
  });

  it('opens at its own place alone', async () => {
    const ring = newRing();
    const stored = sealed(change(await keyIn(ring)));
    const locked = lockedBy((id) => ring.keyOf(id));
    for (const elsewhere of [at(stored, STREAM, 1), at(stored, `${STREAM}1`)]) {
      expect(() => read(locked(elsewhere))).toThrow('its personal data does not open');
    }
  });

  it('is written with the same bytes for the same event, and others elsewhere', async () => {
    const key = await keyIn(newRing());
    expect(sealed(change(key))).toEqual(sealed(change(key)));
    expect(sealed(change(key)).data).not.toBe(sealed(change(key), `${STREAM}2`).data);
  });

  it('of nobody is written as before, in the version of before', () => {
    const stored = sealed(change());
    expect(JSON.parse(stored.metadata)).toMatchObject({ schemaVersion: 1 });
    expect(stored.data).toContain('fred@example.org');
    expect(stored.data).not.toContain('"box"');
  });

  it('is not written at all once the key is forgotten', async () => {
    const ring = newRing();
    const key = await keyIn(ring);
    await ring.forget(key.id);
    const stored = sealed(change(key));
    expect(stored.data).not.toContain('fred');
    expect(stored.data).not.toContain('"box"');
    expect(JSON.parse(stored.metadata)).toMatchObject({ schemaVersion: 2 });
  });

  it('of one company and customer has one subject, and a new key after the first is forgotten', async () => {
    const ring = newRing();
    const key = await keyIn(ring);
    expect(ring.subjectOf(COMPANY, { by: 'id', value: 'fred@example.org' })).not.toBe(key.subject);
    expect(ring.subjectOf(COMPANY.replace('d0', 'd1'), { by: 'email', value: 'fred@example.org' })).not.toBe(
      key.subject,
    );
    await ring.forget(key.id);
    expect(ring.current(key.subject)).toBeUndefined();
    expect(ring.newest(key.subject)).toBe(key.id);
    const next = await keyIn(ring);
    expect([next.subject, next.id]).toEqual([key.subject, `${key.subject}.2`]);
  });
});
