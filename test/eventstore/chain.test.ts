import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chainHash, emptyHead, hashIn, headOf, verifyChain } from '../../src/eventstore/chain.ts';
import { NO_STREAM, type RecordedEvent } from '../../src/eventstore/event-store.ts';
import { Writer } from './events.ts';

const STREAM = 'order-1';

/** Five events of one stream, written in two appends. */
const chain = (): ReadonlyArray<RecordedEvent> => {
  const writer = new Writer(STREAM);
  const appends = [writer.next([1, 2]), writer.next([3, 4, 5])];
  return appends
    .flatMap(({ events }) => events)
    .map((event, revision) => ({ stream: STREAM, revision, position: 10 + revision, event }));
};

const at = (events: ReadonlyArray<RecordedEvent>, index: number): RecordedEvent => {
  const event = events[index];
  if (event === undefined) throw new Error(`no event ${index}`);
  return event;
};

describe('hash chain', () => {
  it('never changes', () => {
    expect(emptyHead(STREAM)).toEqual({
      revision: NO_STREAM,
      hash: '3c3b1f7d94b0d1963d0034aac600427612535b8b3b3e51ee57008ef419a2d8b9',
    });
    expect(chainHash('a'.repeat(64), 'id', 'Type', '{}', '{"a":1')).toBe(
      'efaece2826587d015d089157e7759f4633c311431ce1ef549584a5f43f765027',
    );
  });

  it('starts differently in every stream', () => {
    expect(emptyHead('order-1').hash).not.toBe(emptyHead('order-2').hash);
  });

  it('holds over several appends, from the start and from any head', () => {
    const events = chain();
    expect(verifyChain(STREAM, events)).toBeUndefined();
    expect(verifyChain(STREAM, [])).toBeUndefined();
    for (let split = 0; split <= events.length; split += 1) {
      const head = headOf(events.slice(0, split), STREAM);
      expect(head.revision).toBe(split - 1);
      expect(verifyChain(STREAM, events.slice(split), head)).toBeUndefined();
    }
  });

  it('finds any change of any character of id, type, data and metadata, and says where', () => {
    const events = chain();
    fc.assert(
      fc.property(
        fc.nat({ max: events.length - 1 }),
        fc.constantFrom('id', 'type', 'data', 'metadata'),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.constantFrom('0', 'x', '"', '}', '\n', ''),
        (index, field, where, character) => {
          const victim = at(events, index);
          const text = victim.event[field as 'data'];
          const place = Math.floor(where * text.length);
          const changed = text.slice(0, place) + character + text.slice(place + 1);
          fc.pre(changed !== text);
          const damaged = events.with(index, { ...victim, event: { ...victim.event, [field]: changed } });
          expect(verifyChain(STREAM, damaged)).toMatchObject({
            stream: STREAM,
            revision: index,
            position: 10 + index,
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('finds bytes that moved from one field to the next', () => {
    const [first] = chain();
    if (first === undefined) throw new Error('no events');
    const { data, type } = first.event;
    const moved = { ...first, event: { ...first.event, type: `${type}\n${data}`, data: '' } };
    expect(verifyChain(STREAM, [moved])).toMatchObject({ revision: 0 });
  });

  it('finds events swapped, missing, repeated or from another stream', () => {
    const events = chain();
    const [first, second, third] = [at(events, 0), at(events, 1), at(events, 2)];
    const swapped = [first, { ...second, event: third.event }, { ...third, event: second.event }];
    expect(verifyChain(STREAM, swapped)).toMatchObject({ revision: 1, position: 11 });
    expect(verifyChain(STREAM, events.toSpliced(1, 1))).toEqual({
      stream: STREAM,
      revision: 1,
      position: 12,
      reason: 'followed by revision 2',
    });
    expect(verifyChain(STREAM, [first, first])).toMatchObject({ revision: 1 });
    expect(verifyChain('order-2', [first])).toMatchObject({ stream: 'order-2', revision: 0 });
  });

  it('knows the hash only where the metadata ends with it', () => {
    const { metadata } = at(chain(), 0).event;
    expect(hashIn(metadata)).toMatch(/^[0-9a-f]{64}$/);
    expect(hashIn(`${metadata} `)).toBeUndefined();
    expect(hashIn('{}')).toBeUndefined();
    const bare = { ...at(chain(), 0), event: { ...at(chain(), 0).event, metadata: '{}' } };
    expect(() => headOf([bare], STREAM)).toThrow('no hash');
    expect(verifyChain(STREAM, [bare])).toMatchObject({ reason: 'its metadata holds no hash' });
  });
});
