/** How long a failed attempt has to wait, in the auditor's own words. */

const DAY_MS = 24 * 60 * 60 * 1000;
const JITTER_MAX = 0.1;

export interface Due {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** When the attempt after this failure may start at the earliest, and by when it has to be due. */
export const dueAfter = (
  { failures, baseMs, endMs }: { readonly failures: number; readonly baseMs: number; readonly endMs: number },
  answer: { readonly statusCode: number; readonly retryAfter: string | null } | undefined,
): Due => {
  let waitMs = baseMs;
  for (let doubled = 1; doubled < failures && waitMs < DAY_MS; doubled += 1) waitMs *= 2;
  waitMs = Math.min(waitMs, DAY_MS);
  const asked = answer === undefined ? undefined : askedMs(answer, endMs);
  const leastMs = Math.max(endMs + waitMs, asked ?? 0);
  return { leastMs, mostMs: Math.max(endMs + waitMs * (1 + JITTER_MAX), asked ?? 0) };
};

/** What a receiver that is busy asked for: seconds or a date, a day at most. */
const askedMs = (
  { statusCode, retryAfter }: { readonly statusCode: number; readonly retryAfter: string | null },
  endMs: number,
): number | undefined => {
  if (retryAfter === null || (statusCode !== 429 && statusCode !== 503)) return undefined;
  const text = retryAfter.trim();
  const date = text.endsWith(' GMT') ? Date.parse(text) : Number.NaN;
  const ms =
    text !== '' && [...text].every((digit) => digit >= '0' && digit <= '9')
      ? endMs + Number(text) * 1000
      : date;
  return Number.isNaN(ms) ? undefined : Math.min(ms, endMs + DAY_MS);
};
