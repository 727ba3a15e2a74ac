import { hash } from 'node:crypto';
import { canonicalJson } from './json.ts';
import type { Rules } from './rules.ts';

/**
 * What every node on a store should be given alike, by the name of the variable: as text, what is long as a digest. Of
 * what is secret nothing is told; the store itself refuses another CALLBOARD_SECRET. How long a lease is each node says
 * of itself, so that it need not be equal.
 */
export type NodeSettings = Readonly<Record<string, string>>;

export interface GivenSettings {
  readonly rules: Rules;
  readonly retryBaseMs: number;
  readonly attemptTimeoutMs: number;
  /** CIDRs, separated by commas. */
  readonly allowTargets: string;
}

export const nodeSettings = ({
  rules,
  retryBaseMs,
  attemptTimeoutMs,
  allowTargets,
}: GivenSettings): NodeSettings => ({
  CALLBOARD_RULES: digestOf(rules),
  CALLBOARD_RETRY_BASE_MS: String(retryBaseMs),
  CALLBOARD_ATTEMPT_TIMEOUT_MS: String(attemptTimeoutMs),
  CALLBOARD_ALLOW_TARGETS: allowTargets
    .split(',')
    .map((target) => target.trim())
    .filter((target) => target !== '')
    .toSorted()
    .join(','),
});

const DIGEST_DIGITS = 16;

/** Equal for rules that say the same in another order, or that were read elsewhere. */
const digestOf = (rules: Rules): string => {
  const direct = rules.direct.map(({ resource, trigger }) => `${resource}.${trigger}`);
  const propagation = rules.propagation.flatMap(({ origin, trigger, reaches }) =>
    reaches.map((reached) => `${origin}.${trigger} ${reached}`),
  );
  const said = { ...rules, direct: sortedSet(direct), propagation: sortedSet(propagation) };
  return `sha256:${hash('sha256', canonicalJson(said)).slice(0, DIGEST_DIGITS)}`;
};

const sortedSet = (texts: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(texts)].toSorted();

/** What a node tells of how it is set up. One of an older version may not tell its settings. */
export interface SetUp {
  readonly version: string;
  readonly settings?: NodeSettings;
}

export interface Difference {
  /** The variable, or `version`. */
  readonly name: string;
  readonly here: string;
  readonly there: string;
}

/** In what another node differs; a setting that one of them does not tell is not compared. */
export const differencesTo = (here: SetUp, there: SetUp): ReadonlyArray<Difference> => {
  const pairs = Object.entries(here.settings ?? {}).flatMap(([name, value]): Difference[] => {
    const other = there.settings?.[name];
    return other === undefined ? [] : [{ name, here: value, there: other }];
  });
  const version = { name: 'version', here: here.version, there: there.version };
  return [version, ...pairs].filter((pair) => pair.here !== pair.there);
};
