import type { Invocation } from './api.ts';
import type { CloudEvent } from './evening.ts';
import type { AcceptedChange } from './platform.ts';
import { type EndedRequest, idOf, isAccepted } from './receiver.ts';
import type { Subscribed } from './subscriptions.ts';

/** Three sides that know nothing of each other: the platform's receipts, the engine's API, the receivers' logs. */
export interface Evidence {
  readonly accepted: ReadonlyArray<AcceptedChange>;
  readonly subscriptions: ReadonlyArray<Subscribed>;
  readonly invocations: ReadonlyArray<Invocation>;
  readonly requests: ReadonlyArray<EndedRequest>;
  readonly retryBaseMs: number;
  /** Changes that were known already when the platform sent them again. */
  readonly duplicates: number;
  readonly kills: number;
}

/** Every entry is one sentence about one thing that must not be. */
export interface Findings {
  /** Accepted, but somebody who had to hear of it did not. */
  readonly lost: ReadonlyArray<string>;
  /** Told more often than the log of attempts accounts for. */
  readonly doubled: ReadonlyArray<string>;
  /** Somebody was told who should not have been. */
  readonly unexpected: ReadonlyArray<string>;
  /** Other bytes or ids than those of the first attempt or of the report, or a signature that does not match. */
  readonly altered: ReadonlyArray<string>;
  /** Tried again before the wait, or the receiver's Retry-After, was over. */
  readonly early: ReadonlyArray<string>;
}

/** One webhook that must hear of one change. */
export interface Expectation {
  readonly subscription: Subscribed;
  readonly event: CloudEvent;
  readonly change: string;
}

export const expectationsOf = ({
  accepted,
  subscriptions,
}: Pick<Evidence, 'accepted' | 'subscriptions'>): ReadonlyArray<Expectation> =>
  accepted.flatMap(({ event, change }) =>
    subscriptions
      .filter((subscription) => subscription.hears(event))
      .map((subscription) => ({ subscription, event, change })),
  );

/** Holds the three sides against each other. */
export const compare = (evidence: Evidence): Findings => {
  const { invocations, requests, retryBaseMs } = evidence;
  const expectations = expectationsOf(evidence);
  const invocationsOf = Map.groupBy(invocations, ({ webhook, change }) => pairKey(webhook, change));
  const requestsOf = Map.groupBy(requests, idOf);
  const lost: string[] = [];
  const doubled: string[] = [];
  const unexpected: string[] = [];
  const altered: string[] = [];
  const early: string[] = [];

  const expected = new Set<string>();
  for (const expectation of expectations) {
    const { subscription, event, change } = expectation;
    const key = pairKey(subscription.webhook, change);
    const what = `${event.type} ${event.subject} (${event.id}) for ${subscription.name}`;
    if (expected.has(key)) doubled.push(`${what}: the change was accepted twice`);
    expected.add(key);
    const [invocation, ...others] = invocationsOf.get(key) ?? [];
    if (others.length > 0) doubled.push(`${what}: ${others.length + 1} invocations`);
    if (invocation === undefined) {
      lost.push(`${what}: no invocation`);
      continue;
    }
    const seen = requestsOf.get(invocation.guid) ?? [];
    if (invocation.status !== 'delivered') lost.push(`${what}: ${invocation.status}`);
    else if (!seen.some(isAccepted)) lost.push(`${what}: delivered, but the receiver never accepted it`);
    const answers = invocation.attempts.filter(({ status_code }) => status_code !== null).length;
    if (answers > seen.length)
      lost.push(`${what}: ${answers} answers recorded, ${seen.length} requests seen`);
    doubled.push(...repetitionsOf(invocation, seen).map((complaint) => `${what}: ${complaint}`));
    altered.push(...alterationsOf(expectation, invocation, seen).map((complaint) => `${what}: ${complaint}`));
    early.push(...earlyRetries(seen, retryBaseMs).map((complaint) => `${what}: ${complaint}`));
  }

  for (const { guid, webhook, change } of invocations) {
    if (!expected.has(pairKey(webhook, change))) unexpected.push(`invocation ${guid} of webhook ${webhook}`);
  }
  const known = new Set(invocations.map(({ guid }) => guid));
  for (const request of requests) {
    if (!known.has(idOf(request)))
      unexpected.push(`a request to ${request.hook} with webhook-id "${idOf(request)}"`);
  }
  return { lost, doubled, unexpected, altered, early };
};

export const isClean = (findings: Findings): boolean =>
  Object.values(findings).every((sentences: ReadonlyArray<string>) => sentences.length === 0);

const pairKey = (webhook: string, change: string | null): string => `${webhook} ${change ?? ''}`;

/**
 * Each request at a receiver is one attempt in the log. Of an attempt that was cut off nobody knows whether it arrived:
 * only for those may the log hold more than the receiver saw, and the receiver accept it once more.
 */
const repetitionsOf = (
  { attempts }: Invocation,
  seen: ReadonlyArray<EndedRequest>,
): ReadonlyArray<string> => {
  const interrupted = attempts.filter(({ outcome }) => outcome === 'interrupted').length;
  const acceptedTimes = seen.filter(isAccepted).length;
  return [
    ...(seen.length > attempts.length
      ? [`requests: ${seen.length}, attempts recorded: ${attempts.length}`]
      : []),
    ...(acceptedTimes > 1 + interrupted
      ? [`accepted ${acceptedTimes} times, interrupted attempts: ${interrupted}`]
      : []),
  ];
};

const alterationsOf = (
  { subscription, event }: Expectation,
  { guid }: Invocation,
  seen: ReadonlyArray<EndedRequest>,
): ReadonlyArray<string> => {
  const complaints: string[] = [];
  const [first] = seen;
  if (first === undefined) return complaints;
  const carriesIt =
    subscription.dialect === 'moshtix'
      ? carriesOrder(first.body, event)
      : carries(first.body, guid, subscription.webhook, event);
  if (!carriesIt) complaints.push('not what the platform reported');
  for (const request of seen) {
    if (request.complaint !== null) complaints.push(request.complaint);
    if (request.hook !== subscription.name) complaints.push(`sent to ${request.hook}`);
    if (request.bodyHash !== first.bodyHash) complaints.push('another body than at the first attempt');
    for (const header of SAME_ON_EVERY_ATTEMPT) {
      if (request.headers[header] !== first.headers[header]) complaints.push(`another ${header}`);
    }
  }
  return complaints;
};

const SAME_ON_EVERY_ATTEMPT = [
  'webhook-id',
  'openticket-dedupe-key',
  'openticket-identifier',
  'openticket-trigger',
];

/** Parsed again, because the two sides may write the same JSON differently. */
const carries = (body: string, guid: string, webhook: string, event: CloudEvent): boolean => {
  const sent = JSON.parse(body) as Readonly<Record<string, unknown>>;
  return (
    sent['guid'] === guid &&
    sent['webhook'] === webhook &&
    sent['company_id'] === event.companyid &&
    sent['occurred_at'] === event.time &&
    JSON.stringify(sent['data']) === JSON.stringify(event.data)
  );
};

/** The whole order after the change. A reissue adds the old barcode to it, invalid: only the valid ones are compared. */
const carriesOrder = (body: string, { subject, data }: CloudEvent): boolean => {
  const sent = JSON.parse(body) as { eventType: unknown; contextId: unknown; data: Partial<OrderData> };
  const reported = data as unknown as OrderData;
  return (
    sent.eventType === 'order-saved-prepare-full-message' &&
    String(sent.contextId) === subject &&
    JSON.stringify([sent.data.id, sent.data.customer, sent.data.event, sent.data.transactions]) ===
      JSON.stringify([reported.id, reported.customer, reported.event, reported.transactions]) &&
    JSON.stringify(validBarcodes(sent.data)) === JSON.stringify(validBarcodes(reported))
  );
};

/** As far as the comparison goes. */
export interface OrderData {
  readonly id: unknown;
  readonly customer: unknown;
  readonly event: unknown;
  readonly tickets: { readonly items: ReadonlyArray<{ readonly barcode: string; readonly valid: boolean }> };
  readonly transactions: { readonly items: ReadonlyArray<{ readonly type: string }> };
}

const validBarcodes = ({ tickets }: Partial<OrderData>): ReadonlyArray<string> =>
  (tickets?.items ?? []).filter(({ valid }) => valid).map(({ barcode }) => barcode);

/** Two processes read two clocks, both in whole milliseconds. */
const CLOCKS_DIFFER_MS = 5;

const earlyRetries = (seen: ReadonlyArray<EndedRequest>, retryBaseMs: number): ReadonlyArray<string> =>
  seen.flatMap((request, index) => {
    const before = seen[index - 1];
    if (before === undefined) return [];
    const askedMs = before.ending.kind === 'answered' ? (before.ending.retryAfterSeconds ?? 0) * 1000 : 0;
    const dueMs = Math.max(retryBaseMs * 2 ** (index - 1), askedMs);
    const waitedMs = request.arrivedMs - before.endedMs;
    return waitedMs + CLOCKS_DIFFER_MS < dueMs
      ? [`request ${index + 1} came after ${Math.round(waitedMs)} ms instead of ${dueMs}`]
      : [];
  });
