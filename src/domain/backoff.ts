import { hash } from 'node:crypto';

export const BACKOFF_MAX_MS = 24 * 60 * 60 * 1000;
const JITTER_SHARE_MAX = 0.1;

/**
 * The wait after the n-th failure of a round (n from 1): base × 2^(n−1), at most 24 h, plus 0 to 10 % so that many
 * failures at once do not come back at once. The jitter comes from `seed` alone, so that the same question has the
 * same answer after a crash. Whole milliseconds for a whole `baseMs`.
 */
export const backoffMs = (baseMs: number, failures: number, seed: string): number => {
  const wait = Math.min(baseMs * 2 ** Math.min(failures - 1, 52), BACKOFF_MAX_MS);
  const dice = parseInt(hash('sha256', `${seed}:${failures}`).slice(0, 8), 16) / 2 ** 32;
  return wait + Math.floor(wait * JITTER_SHARE_MAX * dice);
};

/** Status codes whose Retry-After header moves an attempt. */
const RETRY_AFTER_STATUS: ReadonlySet<number> = new Set([429, 503]);

/**
 * When the receiver asked to be called again, in milliseconds since the epoch, at most 24 h from now; null when it
 * did not ask, or not readably. Source: RFC 9110, section 10.2.3 (seconds or an IMF-fixdate).
 */
export const retryAfterMs = (statusCode: number, header: string | null, nowMs: number): number | null => {
  if (header === null || !RETRY_AFTER_STATUS.has(statusCode)) return null;
  const text = header.trim();
  const atMs = /^\d+$/.test(text) ? nowMs + Number(text) * 1000 : parseHttpDate(text);
  return atMs === null ? null : Math.min(atMs, nowMs + BACKOFF_MAX_MS);
};

const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

const parseHttpDate = (text: string): number | null => {
  const atMs = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : atMs;
};
