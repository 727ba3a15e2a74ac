import { describe, expect, it } from 'vitest';
import { type IsOurs, Takeovers } from '../../src/delivery/takeovers.ts';

const SEEN = 100;

interface Redo {
  readonly after: number;
  readonly upTo: number;
  readonly isOurs: IsOurs;
  readonly onDone: ((upTo: number) => void) | undefined;
  /** Everything is scheduled. */
  readonly scheduled: () => void;
  /** All else that follows is done as well. */
  readonly reacted: () => void;
}

/** Webhook n is in partition n; what is to be redone is done when the test says so. */
const takeovers = () => {
  const redone: Redo[] = [];
  let turn: Promise<void> = Promise.resolve();
  const held = new Takeovers({
    routing: { partitionsOf: (webhook) => [Number(webhook)] },
    seenUpTo: () => SEEN,
    doneByAll: () => 0,
    inTurn: (work) => void (turn = turn.then(work)),
    redo: (after, upTo, isOurs, onDone) =>
      new Promise((resolve) => {
        const reaction = Promise.withResolvers<undefined>();
        redone.push({
          after,
          upTo,
          isOurs,
          onDone,
          scheduled: () => resolve({ reacted: reaction.promise.then(() => undefined) }),
          reacted: () => reaction.resolve(undefined),
        });
      }),
  });
  return { held, redone };
};

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('what is taken over', () => {
  it('is made up for in one way through the log, as long as that has not begun', async () => {
    const { held, redone } = takeovers();
    held.assigned(new Set([1]), 30);
    held.assigned(new Set([1, 2]), 20);
    await settled();
    held.assigned(new Set([1, 2, 3]), 40);
    held.assigned(new Set([1, 2, 3, 4]), 50);
    expect(held.upTo(SEEN)).toBe(20);
    expect(redone).toHaveLength(1);
    expect(redone[0]).toMatchObject({ after: 20, upTo: SEEN });
    expect(['1', '2', '3', '4'].map((webhook) => redone[0]?.isOurs(webhook, 1))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    redone[0]?.scheduled();
    redone[0]?.reacted();
    await settled();
    expect(redone).toHaveLength(2);
    expect(redone[1]).toMatchObject({ after: 40, upTo: SEEN });
    expect(['1', '2', '3', '4'].map((webhook) => redone[1]?.isOurs(webhook, 1))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(held.upTo(SEEN)).toBe(40);
    redone[1]?.scheduled();
    await settled();
    expect(held.upTo(SEEN)).toBe(40);
    redone[1]?.reacted();
    await settled();
    expect(held.upTo(SEEN)).toBe(SEEN);
  });

  it('counts as done as far as it is: whoever comes after does not begin anew', async () => {
    const { held, redone } = takeovers();
    held.assigned(new Set([1]), 0);
    await settled();
    redone[0]?.onDone?.(60);
    expect(held.upTo(SEEN)).toBe(60);
    held.assigned(new Set([1, 2]), 10);
    expect(held.upTo(SEEN)).toBe(10);
  });

  it('is another matter when it was lost and came again meanwhile', async () => {
    const { held, redone } = takeovers();
    held.assigned(new Set([1]), 0);
    await settled();
    held.assigned(new Set(), 0);
    held.assigned(new Set([1]), 5);
    expect(redone[0]?.isOurs('1', 1)).toBe(false);
    redone[0]?.scheduled();
    redone[0]?.reacted();
    await settled();
    expect(redone[1]).toMatchObject({ after: 5, upTo: SEEN });
    expect(redone[1]?.isOurs('1', 1)).toBe(true);
  });
});
