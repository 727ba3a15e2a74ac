import { right } from 'fp-ts/lib/Either.js';
import type { KeyKeeper, NewestKey } from './key-ring.ts';

/** Keys of tests and of a store that is kept in memory. */
export const memoryKeys = (): KeyKeeper => {
  const keys = new Map<string, Array<string | undefined>>();
  const newest = (subject: string): NewestKey | undefined => {
    const all = keys.get(subject);
    return all === undefined ? undefined : { generation: all.length, isForgotten: all.at(-1) === undefined };
  };
  return {
    newest,
    wrapped: (subject, generation) => keys.get(subject)?.[generation - 1],
    knows: (subject, generation) => generation <= (keys.get(subject)?.length ?? 0),
    make: async (asked) => {
      for (const { subject, wrapped } of asked) {
        if (newest(subject)?.isForgotten === false) continue;
        keys.set(subject, [...(keys.get(subject) ?? []), wrapped]);
      }
      return right(undefined);
    },
    forget: async (subject, generation) => {
      const all = keys.get(subject);
      if (all !== undefined) all[generation - 1] = undefined;
      return right(undefined);
    },
    close: async () => undefined,
  };
};
