import { drawOptions } from '../plan/options.ts';
import type { Bug } from './bug.ts';
import { BUGS } from './bugs.ts';

export const findBug = (name: string | undefined): Bug | undefined => BUGS.find((bug) => bug.name === name);

/** Those on which a bug can show at all. */
export const seedsFor = ({ sharedStoreOnly }: Bug, seeds: ReadonlyArray<number>): ReadonlyArray<number> =>
  sharedStoreOnly === true ? seeds.filter((seed) => drawOptions(seed).cluster !== undefined) : seeds;
