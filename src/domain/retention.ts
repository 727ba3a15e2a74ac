/**
 * How long a company keeps what is not a fact: invocations with their bodies and attempts. What was reported (changes) stays for
 * ever: explain, orders and duplicates are decided on it. Pure arithmetic; the policy itself is in the account's events.
 */

/** At least a quarter: whoever looks back at a season, or at an outage of some weeks, still finds and retries all of it. */
export const MONTHS_MIN = 3;
export const MONTHS_MAX = 1_200;

/** What is removed does not come back: a policy that was mistyped can be taken back for so long. */
export const GRACE_MS = 24 * 60 * 60 * 1000;

export interface RetentionPolicy {
  /** Null: for ever. */
  readonly invocationsMonths: number | null;
  readonly setAtMs: number;
}

/** In UTC. Of 31 May three months before is 28 February, or 29. */
export const monthsBefore = (nowMs: number, months: number): number => {
  const now = new Date(nowMs);
  const day = now.getUTCDate();
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth() - months];
  const days = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const midnight = Date.UTC(year, month, Math.min(day, days));
  return midnight + (nowMs - Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), day));
};

/** What was settled before goes; undefined: nothing goes, or not yet. */
export const settledBefore = (policy: RetentionPolicy | null, nowMs: number): number | undefined => {
  if (policy === null || policy.invocationsMonths === null) return undefined;
  if (nowMs < policy.setAtMs + GRACE_MS) return undefined;
  return monthsBefore(nowMs, policy.invocationsMonths);
};
