import { beforeEach, describe, expect, it } from 'vitest';
import { LogParts, type Part } from '../../src/delivery/log-parts.ts';
import type { Move } from '../../src/delivery/takeovers.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { RecordedEvent } from '../../src/eventstore/event-store.ts';
import { type DecodedLog, decodedLog, guidOf } from '../arbitraries/decoded-log.ts';
import { changed, created, scheduled } from '../projections/story.ts';

/** Code units of each event here. */
const UNITS = 100;
const WEBHOOK = guidOf(0xa);

let log: DecodedLog;
let parts: LogParts;
beforeEach(() => {
  log = decodedLog();
  parts = new LogParts(2 * UNITS);
});

const add = (events: ReadonlyArray<Decoded>, moves: ReadonlyArray<Move> = []): Part | undefined => {
  const recorded = events.map(({ id, stream, revision, position, event }): RecordedEvent => ({
    stream,
    revision,
    position,
    event: {
      id,
      type: event.type,
      data: 'x'.repeat(UNITS - id.length - event.type.length),
      metadata: '',
    },
  }));
  return parts.add(recorded, events, moves, log.events.length);
};

const change = (): Decoded => log.change(changed({ resource: 'event', identifier: '7' }));
const changes = (count: number): ReadonlyArray<Decoded> => Array.from({ length: count }, change);
/** Nothing follows from it. */
const other = (): Decoded => log.webhook(WEBHOOK, created(WEBHOOK));
const cause = (): Decoded =>
  log.webhook(WEBHOOK, { type: 'WebhookDisabled', reason: 'by_request', atMs: 1 } as never);
const coalesced = (): Decoded =>
  log.invocation(guidOf(log.events.length), { ...scheduled(guidOf(1), WEBHOOK), coalesce: true });

/** A part that holds as much as may be held. */
const filled = (): Part => {
  const part = add(changes(2));
  if (part === undefined) throw new Error('the first is a part');
  return part;
};

describe('parts of the log', () => {
  it('hold their changes as long as these are within the limit, each from where the one before ends', () => {
    const [first, second] = [add([change()]), add([change()])];
    expect(first).toMatchObject({ after: 0, upTo: 1, leftOut: undefined, changes: [{ position: 1 }] });
    expect(second).toMatchObject({ after: 1, upTo: 2, leftOut: undefined, changes: [{ position: 2 }] });
  });

  it('begin where the reading begins', () => {
    parts.beginAt(40);
    expect(add([change()])).toMatchObject({ after: 40 });
  });

  it('leave out what is more, and grow by what comes behind it, whether changes or not', () => {
    filled();
    const part = add(changes(2));
    expect([add([change()]), add([other()]), add([change(), other()])]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(part).toMatchObject({ after: 2, upTo: 8, changes: [], leftOut: { count: 4, lastAt: 7 } });
    expect(parts.isFull).toBe(false);
  });

  it('hold again what comes after those before are done', () => {
    const first = filled();
    parts.begin(first);
    const second = add([change()]);
    if (second === undefined) throw new Error('nothing grows yet');
    parts.done(first);
    parts.begin(second);
    expect(add([change()])).toMatchObject({ after: 3, upTo: 4, leftOut: undefined, changes: [{}] });
  });

  it('do not grow once their turn has come, nor over what has to come in between', () => {
    filled();
    const second = add([change()]);
    if (second === undefined) throw new Error('nothing grows yet');
    parts.begin(second);
    expect(add([change()])).toMatchObject({ after: 3, upTo: 4 });
    parts.close();
    expect(add([change()])).toMatchObject({ after: 4, upTo: 5 });
    expect(second.upTo).toBe(3);
  });

  it('keep growing when the turn of another one comes', () => {
    const first = filled();
    add([change()]);
    parts.begin(first);
    expect(add([change()])).toBeUndefined();
  });

  it.each([
    ['a cause', () => [cause()], []],
    ['a move', () => [other()], [{ webhook: WEBHOOK, at: 4 }]],
  ])('with %s are parts of their own, and nothing grows over it', (_, event, moves) => {
    filled();
    const before = add([change()]);
    const with_ = add([change(), ...event()], moves);
    expect(with_).toMatchObject({ after: 3, leftOut: { count: 1 }, moves });
    expect(with_?.causes).toHaveLength(moves.length === 0 ? 1 : 0);
    expect(before?.upTo).toBe(3);
    expect(add([change()])).toMatchObject({ after: with_?.upTo, leftOut: { count: 1 } });
  });

  it('hold all causes: with too many of them nothing more should be read until some are done', () => {
    const held = [filled(), add([coalesced()]), add([coalesced()])];
    expect(held.map((part) => part?.causes.length)).toEqual([0, 1, 1]);
    expect(parts.isFull).toBe(false);
    add([coalesced()]);
    expect(parts.isFull).toBe(true);
    if (held[0] !== undefined) parts.done(held[0]);
    expect(parts.isFull).toBe(false);
  });
});
