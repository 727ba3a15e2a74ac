import { type Either, left, right } from 'fp-ts/lib/Either.js';

/** How receivers answer. */
export const BEHAVIOURS = {
  good: 'answers 204 at once',
  slow: 'answers 200 after half a second to a second and a half',
  failing: 'answers 500 to every first attempt and every other one after',
  dead: 'takes the connection and never answers',
} as const;

export type Behaviour = keyof typeof BEHAVIOURS;
export const BEHAVIOUR_NAMES = Object.keys(BEHAVIOURS) as ReadonlyArray<Behaviour>;

/** Percent of the traffic, 100 in all. */
export type Shares = Readonly<Record<Behaviour, number>>;

const isBehaviour = (name: string): name is Behaviour => Object.hasOwn(BEHAVIOURS, name);

/** As typed: `good=90,dead=10`. What is missing to 100 is good. */
export const sharesIn = (text: string): Either<string, Shares> => {
  const shares: Record<Behaviour, number> = { good: 0, slow: 0, failing: 0, dead: 0 };
  for (const part of text.split(',')) {
    const [name = '', percent = ''] = part.split('=');
    if (!isBehaviour(name) || !/^\d{1,3}$/.test(percent))
      return left(`must look like good=90,dead=10 with ${BEHAVIOUR_NAMES.join(', ')}, not "${text}"`);
    shares[name] += Number(percent);
  }
  const { slow, failing, dead } = shares;
  const total = shares.good + slow + failing + dead;
  if (total > 100) return left(`must be at most 100 in all, not ${total}`);
  return right({ ...shares, good: 100 - slow - failing - dead });
};
