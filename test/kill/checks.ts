import { isDeepStrictEqual } from 'node:util';
import type { Api, Attempt, Invocation, StoredChange } from './api.ts';
import type { Received, Receiver } from './receiver.ts';
import { RETRY_BASE_MS } from './server-process.ts';
import { promised } from './violation.ts';
import { type Change, mustHear, type Subscription } from './workload.ts';

/** A webhook as it was made. */
export interface MadeWebhook extends Subscription {
  readonly guid: string;
  readonly retries: number;
}

/** Times are printed in whole milliseconds, on one machine with one clock. */
const ROUNDING_MS = 2;

const msOf = (time: string | null): number => (time === null ? Number.NaN : Date.parse(time));

/** Everything that was answered with 202 is there, as it was reported. */
export const checkChanges = async (api: Api, acked: ReadonlyMap<string, Change>): Promise<void> => {
  const guids = [...acked.keys()];
  for (let start = 0; start < guids.length; start += 50) {
    await Promise.all(
      guids.slice(start, start + 50).map(async (guid) => {
        const reported = acked.get(guid);
        const stored = await api.call<StoredChange>('GET', `/changes/${guid}`);
        const { id, type, subject, companyid, data } = reported ?? {};
        const seen = [stored.id, stored.type, stored.identifier, stored.company_id, stored.data];
        promised(
          isDeepStrictEqual(seen, [id, type, subject, companyid, data]),
          () => `change ${guid} was ${JSON.stringify(reported)} and is ${JSON.stringify(stored)}`,
        );
      }),
    );
  }
};

/** Exactly one invocation for every webhook that had to hear of a change, and none besides. */
export const checkFanOut = (
  invocations: ReadonlyArray<Invocation>,
  webhooks: ReadonlyArray<MadeWebhook>,
  acked: ReadonlyMap<string, Change>,
): void => {
  const expected = new Set<string>();
  for (const [guid, change] of acked) {
    for (const webhook of webhooks) if (mustHear(webhook, change)) expected.add(`${webhook.guid} ${guid}`);
  }
  const found = new Set<string>();
  for (const { webhook, change, guid } of invocations) {
    const pair = `${webhook} ${change}`;
    promised(!found.has(pair), () => `a second invocation, ${guid}, for webhook and change ${pair}`);
    promised(expected.has(pair), () => `invocation ${guid} tells a webhook that need not hear: ${pair}`);
    found.add(pair);
  }
  for (const pair of expected)
    promised(found.has(pair), () => `no invocation for webhook and change ${pair}`);
};

/** One invocation by itself: its attempts, its end, and what its receiver saw of it. */
export const checkInvocation = (
  invocation: Invocation,
  webhook: MadeWebhook,
  seen: Received | undefined,
  change: Change | undefined,
): void => {
  const told = (what: string) => () =>
    `${what}: ${JSON.stringify({ invocation, arrivedAtMs: seen?.arrivedAtMs })}`;
  const { attempts, status } = invocation;
  promised(attempts.length <= 1 + webhook.retries, told(`more than 1 + ${webhook.retries} attempts`));
  for (const [index, attempt] of attempts.entries()) {
    promised(attempt.number === index + 1, told('attempts are not numbered 1 to n'));
    promised(attempt.outcome !== null, told('an attempt that never ended'));
    const before = attempts[index - 1];
    if (before !== undefined) checkWait(before, attempt, told);
  }

  const last = attempts.at(-1);
  const early = attempts.slice(0, -1);
  promised(
    early.every(({ outcome }) => outcome !== 'succeeded'),
    told('an attempt after a success'),
  );
  if (status === 'delivered') promised(last?.outcome === 'succeeded', told('delivered without a success'));
  else if (status === 'exhausted') {
    promised(last !== undefined && last.outcome !== 'succeeded', told('exhausted after a success'));
    promised(attempts.length === 1 + webhook.retries, told('exhausted before its last attempt'));
  } else {
    promised(status === 'superseded' && webhook.name === 'coalescing', told(`ended as ${status}`));
  }
  checkRequests(invocation, webhook, seen, change, told);
};

type Told = (what: string) => () => string;

/** Asked by 503 with "Retry-After: 1". */
const RETRY_AFTER_MS = 1_000;

const checkWait = (before: Attempt, attempt: Attempt, told: Told): void => {
  const planned = RETRY_BASE_MS * 2 ** (before.number - 1);
  const least = before.status_code === 503 ? Math.max(planned, RETRY_AFTER_MS) : planned;
  const waited = msOf(attempt.started_at) - msOf(before.ended_at);
  promised(waited >= least, told(`attempt ${attempt.number} came after ${waited} ms instead of ${least} ms`));
};

const checkRequests = (
  { guid, attempts, status, settled_at }: Invocation,
  webhook: MadeWebhook,
  seen: Received | undefined,
  change: Change | undefined,
  told: Told,
): void => {
  const arrivals = seen?.arrivedAtMs ?? [];
  promised(
    arrivals.length <= attempts.length,
    told('a receiver saw more requests than attempts are in the log'),
  );
  for (const [index, arrival] of arrivals.entries()) {
    const started = attempts.filter(({ started_at }) => msOf(started_at) <= arrival + ROUNDING_MS).length;
    promised(started > index, told(`request ${index + 1} came before its attempt was recorded as started`));
  }
  if (status === 'delivered') {
    promised(arrivals.length > 0, told('delivered, and the receiver saw nothing'));
    const late = arrivals.some((arrival) => arrival > msOf(settled_at) + ROUNDING_MS);
    promised(!late, told('a request after it was delivered'));
  }
  if (seen === undefined) return;
  promised(seen.path === `/${webhook.name}`, told(`it came to ${seen.path}`));
  const body = JSON.parse(seen.body) as {
    readonly guid: string;
    readonly webhook: string;
    readonly data: unknown;
  };
  promised(body.guid === guid && body.webhook === webhook.guid, told('the body names another'));
  promised(
    isDeepStrictEqual(body.data, change?.data),
    told(`the body tells of something else: ${seen.body}`),
  );
};

/** Every request was one of an invocation that is in the log. */
export const checkNothingUnlogged = (receiver: Receiver, invocations: ReadonlyArray<Invocation>): void => {
  const known = new Set(invocations.map(({ guid }) => guid));
  for (const id of receiver.received.keys()) {
    promised(known.has(id), () => `a receiver saw a request of ${id}, which is not in the log`);
  }
};

/** With `ordering: per_resource` nothing starts before all before it for the same resource are settled. */
export const checkOrder = (invocations: ReadonlyArray<Invocation>): void => {
  const settledUpTo = new Map<string, number>();
  for (const { guid, origin, attempts, settled_at } of invocations) {
    const resource = `${origin.resource} ${origin.identifier}`;
    const earliest = settledUpTo.get(resource) ?? 0;
    const first = msOf(attempts[0]?.started_at ?? null);
    promised(
      first >= earliest,
      () => `${guid} started ${earliest - first} ms before an earlier one was settled`,
    );
    settledUpTo.set(resource, Math.max(earliest, msOf(settled_at)));
  }
};

/** With `coalesce` the newest one for a resource is always told. */
export const checkCoalescing = (invocations: ReadonlyArray<Invocation>): void => {
  const newest = new Map(invocations.map((one) => [`${one.origin.resource} ${one.origin.identifier}`, one]));
  for (const { guid, status } of newest.values()) {
    promised(status !== 'superseded', () => `${guid} is the newest of its resource and was superseded`);
  }
};
