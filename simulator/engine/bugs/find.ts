import type { Bug } from './bug.ts';
import { BUGS } from './bugs.ts';

export const findBug = (name: string | undefined): Bug | undefined => BUGS.find((bug) => bug.name === name);
