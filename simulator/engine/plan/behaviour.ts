/** What a receiver does with requests, until it is told to do something else. */
export const BEHAVIOURS = [
  'good',
  'failing',
  'flaky',
  'slow',
  'dead',
  'refusing',
  'busy',
  'gone',
  'redirecting',
  'rambling',
  'cutting',
] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];
