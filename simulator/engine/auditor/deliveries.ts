import type { SendOutcome, SendRequest } from '../../../src/ports/http-sender.ts';
import { addressOf, EXCERPT_UNITS_MAX } from '../network.ts';
import type { Invariant } from '../violation.ts';
import { type AttemptBook, type InvocationBook, isSettled, type WebhookBook } from './books.ts';
import type { ClusterBook } from './cluster.ts';
import type { Entry } from './entry.ts';
import { dueAfter } from './waits.ts';

/** Who asked for an event first, when in the order of all that happened, and what the nodes had said by then. */
export interface Submission {
  readonly process: number;
  readonly moment: number;
  readonly clusterRevision: number;
}

export interface DeliveriesDeps {
  readonly complain: (invariant: Invariant, message: string) => void;
  readonly nowMs: () => number;
  readonly mark: (name: string) => void;
  readonly webhook: (guid: string) => WebhookBook | undefined;
  readonly submission: (eventId: string) => Submission | undefined;
  readonly cluster: ClusterBook;
  readonly timeoutMs: number;
  /** Whether all clocks are right, so that virtual time can be compared with due times; then the wall clock. */
  readonly trueWallMs: () => number | undefined;
}

interface Result {
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly durationMs: number;
  readonly address: string | null;
  readonly responseExcerpt: string | null;
}

/** Folds every invocation from its events, and checks each event against what came before it and what receivers saw. */
export class Deliveries {
  readonly invocations = new Map<string, InvocationBook>();
  readonly inOrder: InvocationBook[] = [];
  readonly #deps: DeliveriesDeps;
  /** Those of webhooks that hear of a resource in order, by webhook and resource, with the first that is not settled. */
  readonly #ordered = new Map<string, { readonly line: InvocationBook[]; open: number }>();
  /** How each invocation's status changed, by position in the log. */
  readonly changes: Array<{
    readonly position: number;
    readonly from: string | undefined;
    readonly to: string;
  }> = [];

  constructor(deps: DeliveriesDeps) {
    this.#deps = deps;
  }

  schedule(entry: Entry, webhook: WebhookBook): InvocationBook {
    const { data, position } = entry;
    const origin = data['origin'] as { readonly resource: string; readonly identifier: string };
    const invocation: InvocationBook = {
      guid: String(data['guid']),
      webhook,
      change: data['change'] as string | null,
      position,
      originKey: `${origin.resource}:${origin.identifier}`,
      body: String(data['body']),
      ordering: String(data['ordering']),
      coalesce: data['coalesce'] === true,
      scheduledTrueMs: this.#deps.nowMs(),
      attempts: [],
      status: 'waiting',
      attemptsBefore: 0,
      retries: Number(data['retries']),
      baseMs: Number(data['retryBaseMs']),
      dueMs: Number(data['atMs']),
      settledOnce: false,
      changedTrueMs: this.#deps.nowMs(),
    };
    this.invocations.set(invocation.guid, invocation);
    this.inOrder.push(invocation);
    this.changes.push({ position, from: undefined, to: 'waiting' });
    if (invocation.ordering === 'per_resource') {
      const key = `${webhook.guid} ${invocation.originKey}`;
      const ordered = this.#ordered.get(key) ?? { line: [], open: 0 };
      ordered.line.push(invocation);
      this.#ordered.set(key, ordered);
    }
    return invocation;
  }

  read(invocation: InvocationBook, entry: Entry): void {
    const before = invocation.status;
    this.#deps.mark(`event.${entry.type}`);
    this.#follow(invocation, entry);
    if (isSettled(invocation.status)) invocation.settledOnce = true;
    if (before !== invocation.status) {
      invocation.changedTrueMs = this.#deps.nowMs();
      this.changes.push({ position: entry.position, from: before, to: invocation.status });
    }
  }

  #follow(invocation: InvocationBook, { type, data, id }: Entry): void {
    const { complain } = this.#deps;
    const { guid, status } = invocation;
    const atMs = Number(data['atMs']);
    if (isSettled(status) && type !== 'RetryRequested')
      complain('S7', `${guid}: ${type} after it was ${status}`);
    if (status === 'failed_last' && type !== 'InvocationExhausted')
      complain('S7', `${guid}: ${type} after the last attempt of a round failed`);
    switch (type) {
      case 'AttemptStarted':
        return this.#started(invocation, data, id, atMs);
      case 'AttemptFailed':
        return this.#failed(invocation, data, id, atMs);
      case 'InvocationDelivered': {
        const attempt = this.#ended(invocation, data);
        const outcome = attempt?.outcome;
        const statusCode = outcome?.kind === 'answered' ? outcome.statusCode : undefined;
        if (statusCode === undefined || statusCode < 200 || statusCode > 299)
          complain('S12', `${guid}: delivered, but the receiver's answer was ${told(outcome)}`);
        invocation.status = 'delivered';
        return;
      }
      case 'InvocationExhausted':
        if (status !== 'failed_last') complain('S7', `${guid}: exhausted while ${status}`);
        invocation.status = 'exhausted';
        return;
      case 'InvocationCancelled':
        return this.#cancelled(invocation, String(data['reason']));
      case 'InvocationSuperseded':
        return this.#superseded(invocation, String(data['by']));
      case 'RetryRequested':
        if (status === 'in_flight' || status === 'superseded')
          complain('S7', `${guid}: a retry was asked for while it was ${status}`);
        invocation.status = 'waiting';
        invocation.attemptsBefore = invocation.attempts.length;
        invocation.retries = Number(data['retries']);
        invocation.baseMs = Number(data['retryBaseMs']);
        invocation.dueMs = atMs;
        return;
      default:
        complain('S12', `${guid}: an event of type ${type}`);
    }
  }

  #started(invocation: InvocationBook, data: Entry['data'], id: string, atMs: number): void {
    const { complain, trueWallMs } = this.#deps;
    const { guid, status, attempts, webhook } = invocation;
    const number = Number(data['number']);
    if (status !== 'waiting')
      complain(status === 'in_flight' ? 'S8' : 'S7', `${guid}: attempt ${number} while ${status}`);
    if (number !== attempts.length + 1)
      complain('S4', `${guid}: attempt ${number} after ${attempts.length} attempts`);
    if (number - invocation.attemptsBefore > 1 + invocation.retries)
      complain(
        'S4',
        `${guid}: attempt ${number} of a round of 1 + ${invocation.retries} after ${invocation.attemptsBefore}`,
      );
    if (atMs < invocation.dueMs)
      complain('S6', `${guid}: attempt ${number} ${invocation.dueMs - atMs} ms early`);
    const wallMs = trueWallMs();
    if (wallMs !== undefined && wallMs < invocation.dueMs)
      complain(
        'S6',
        `${guid}: attempt ${number} is on disk ${invocation.dueMs - wallMs} ms before it is due`,
      );
    const submission = this.#deps.submission(id);
    const process = submission?.process ?? -1;
    const off = webhook.versions.at(-1)?.situation !== 'enabled';
    const known = webhook.knownBy.get(process);
    if (off && known?.off === true && submission !== undefined && known.moment < submission.moment)
      complain(
        'S10',
        `${guid}: process ${process} starts attempt ${number}, and knows that webhook ${webhook.guid} is off`,
      );
    this.#checkOrder(invocation, number);
    const webhookRevision = Number(data['webhookRevision']);
    const url = String(data['url']);
    if (webhook.versions[webhookRevision]?.settings.url !== url)
      complain(
        'S12',
        `${guid}: attempt ${number} goes to ${url}, not where revision ${webhookRevision} of its webhook says`,
      );
    const node = data['node'] as string | undefined;
    if (submission !== undefined)
      this.#deps.cluster.checkStart(guid, node, url, process, submission.clusterRevision);
    attempts.push({
      number,
      process,
      node,
      startMs: atMs,
      url,
      webhookRevision,
      sent: false,
      seen: false,
      outcome: undefined,
      endedTrueMs: 0,
    });
    invocation.status = 'in_flight';
  }

  #checkOrder(invocation: InvocationBook, number: number): void {
    const { guid, webhook, originKey, ordering } = invocation;
    if (ordering !== 'per_resource') return;
    const ordered = this.#ordered.get(`${webhook.guid} ${originKey}`);
    if (ordered === undefined) return;
    while (ordered.line[ordered.open]?.settledOnce === true) ordered.open += 1;
    const oldest = ordered.line[ordered.open];
    if (oldest !== undefined && oldest.position < invocation.position)
      this.#deps.complain(
        'S21',
        `${guid}: attempt ${number} while ${oldest.guid} for the same ${originKey} is ${oldest.status}`,
      );
  }

  #failed(invocation: InvocationBook, data: Entry['data'], id: string, atMs: number): void {
    const { complain, mark } = this.#deps;
    const { guid } = invocation;
    const attempt = this.#ended(invocation, data);
    const outcome = data['outcome'];
    const seen = attempt?.outcome;
    if (outcome === 'failed' && (seen === undefined || seen.kind === 'interrupted' || isSuccess(seen)))
      complain(
        'S12',
        `${guid}: attempt ${data['number'] as number} failed, but its request ended as ${told(seen)}`,
      );
    if (outcome === 'interrupted') {
      mark(attempt?.seen === true ? 'interrupted_after_seen' : 'interrupted_before_seen');
      this.#noteTakeover(attempt, id);
    }
    const failures = Number(data['number']) - invocation.attemptsBefore;
    const gone = outcome === 'failed' && seen?.kind === 'answered' && seen.statusCode === 410;
    const next = data['nextAttemptAtMs'] as number | null;
    if ((next === null) !== (gone || failures > invocation.retries)) {
      complain(
        'S4',
        `${guid}: failure ${failures} of 1 + ${invocation.retries}, next attempt: ${next ?? 'none'}`,
      );
    }
    invocation.status = next === null ? 'failed_last' : 'waiting';
    if (next === null) return;
    const answer = outcome === 'failed' && seen?.kind === 'answered' ? seen : undefined;
    if (answer?.retryAfter !== undefined && answer.retryAfter !== null) mark('retry_after');
    const due = dueAfter({ failures, baseMs: invocation.baseMs, endMs: atMs }, answer);
    if (next < due.leastMs) complain('S6', `${guid}: due ${due.leastMs - next} ms before its wait is over`);
    if (next > due.mostMs) complain('S6', `${guid}: due ${next - due.mostMs} ms later than its longest wait`);
    invocation.dueMs = next;
  }

  #noteTakeover(attempt: AttemptBook | undefined, eventId: string): void {
    const { cluster, mark, submission } = this.#deps;
    const by = submission(eventId)?.process;
    if (attempt?.node === undefined || by === undefined || by === attempt.process) return;
    const isOwn = cluster.names(by).has(cluster.nameOf(attempt.node) ?? '');
    mark(isOwn ? 'takeover_from_itself' : 'takeover_attempts');
  }

  /** What every end of an attempt has to say. */
  #ended(invocation: InvocationBook, data: Entry['data']): AttemptBook | undefined {
    const { complain, nowMs } = this.#deps;
    const { guid, status } = invocation;
    const number = Number(data['number']);
    const attempt = invocation.attempts.at(-1);
    if (status !== 'in_flight' || attempt?.number !== number) {
      complain(
        'S4',
        `${guid}: an outcome of attempt ${number} while ${status} after attempt ${attempt?.number ?? 0}`,
      );
      return undefined;
    }
    attempt.endedTrueMs = nowMs();
    const { durationMs, address, responseExcerpt, statusCode } = data['result'] as Result;
    if (durationMs < 0) complain('S20', `${guid}: attempt ${number} took ${durationMs} ms`);
    if ((responseExcerpt?.length ?? 0) > EXCERPT_UNITS_MAX)
      complain('S17', `${guid}: an excerpt of ${responseExcerpt?.length ?? 0}`);
    const { outcome } = attempt;
    if (outcome !== undefined && data['outcome'] !== 'interrupted') {
      if (address !== outcome.address)
        complain('S16', `${guid}: attempt ${number} says it dialled ${address ?? 'nothing'}`);
      const answered = outcome.kind === 'answered' ? outcome.statusCode : null;
      if (statusCode !== answered)
        complain(
          'S12',
          `${guid}: attempt ${number} says ${statusCode ?? 'nothing'}, the receiver ${told(outcome)}`,
        );
    }
    return attempt;
  }

  #cancelled(invocation: InvocationBook, reason: string): void {
    const { complain } = this.#deps;
    const { guid, status, webhook } = invocation;
    if (status !== 'waiting') complain('S7', `${guid}: cancelled while ${status}`);
    const { versions } = webhook;
    const wanted = reason === 'webhook_deleted' ? 'deleted' : 'disabled';
    if (reason !== 'body_too_large' && !versions.some(({ situation }) => situation === wanted))
      complain('S12', `${guid}: cancelled for ${reason}, which never happened`);
    invocation.status = 'cancelled';
  }

  #superseded(invocation: InvocationBook, by: string): void {
    const { complain } = this.#deps;
    const { guid, status, webhook, originKey, position } = invocation;
    if (status !== 'waiting') complain('S7', `${guid}: superseded while ${status}`);
    const newer = this.invocations.get(by);
    if (newer?.webhook !== webhook || newer.originKey !== originKey || newer.position < position)
      complain('S12', `${guid}: superseded by ${by}, which is no newer one for the same resource`);
    invocation.status = 'superseded';
  }

  // What the network sees

  /** A process gives a request away: there has to be its start record, of the same process, used once. */
  sent(process: number, request: SendRequest, signatureOf: SignatureOf): AttemptBook | undefined {
    const { complain, mark } = this.#deps;
    const guid = request.headers['webhook-id'] ?? '';
    const invocation = this.invocations.get(guid);
    const attempt = invocation?.attempts.findLast((one) => one.process === process && !one.sent);
    if (invocation === undefined || attempt === undefined) {
      complain(
        'S5',
        `process ${process} sends ${guid || 'a request without an id'}, and no start of it is on disk`,
      );
      return undefined;
    }
    attempt.sent = true;
    const gone = attempt.node === undefined ? undefined : this.#deps.cluster.whyGone(attempt.node);
    if (gone !== undefined)
      complain('S22', `${guid}: node ${attempt.node ?? ''} sends attempt ${attempt.number}, but ${gone}`);
    mark(`attempt_number.${Math.min(attempt.number, 5)}`);
    if (request.body !== invocation.body)
      complain('S9', `${guid}: attempt ${attempt.number} has another body`);
    if (request.url !== attempt.url)
      complain('S9', `${guid}: attempt ${attempt.number} goes to ${request.url}`);
    const timestamp = String(Math.floor(attempt.startMs / 1000));
    if (request.headers['webhook-timestamp'] !== timestamp)
      complain(
        'S9',
        `${guid}: attempt ${attempt.number} is stamped ${request.headers['webhook-timestamp'] ?? 'not at all'}`,
      );
    const signature = signatureOf(invocation, attempt, timestamp);
    if (request.headers['webhook-signature'] !== signature)
      complain('S9', `${guid}: attempt ${attempt.number} is not signed with the secrets in force`);
    const { company } = invocation.webhook;
    for (const [, foreign] of request.body.matchAll(CANARY)) {
      if (foreign !== company)
        complain('S11', `${guid}: company ${company} is sent what belongs to ${foreign ?? ''}`);
    }
    if (request.timeoutMs > this.#deps.timeoutMs)
      complain('S17', `${guid}: a deadline of ${request.timeoutMs} ms`);
    const wallMs = this.#deps.trueWallMs();
    if (wallMs !== undefined && wallMs < attempt.startMs)
      complain(
        'S6',
        `${guid}: attempt ${attempt.number} leaves ${attempt.startMs - wallMs} ms before its own time`,
      );
    return attempt;
  }

  ended(attempt: AttemptBook, outcome: SendOutcome): void {
    const { complain } = this.#deps;
    attempt.outcome = outcome;
    const { address } = outcome;
    if (address !== null && address !== addressOf(attempt.url))
      complain('S16', `dialled ${address} for ${attempt.url}`);
  }
}

export type SignatureOf = (invocation: InvocationBook, attempt: AttemptBook, timestamp: string) => string;

export const canaryOf = (company: string): string => `canary-${company}`;
const CANARY = /canary-([0-9a-f-]{36})/g;

const isSuccess = (outcome: SendOutcome): boolean =>
  outcome.kind === 'answered' && outcome.statusCode >= 200 && outcome.statusCode <= 299;

const told = (outcome: SendOutcome | undefined): string => {
  if (outcome === undefined) return 'never handed over';
  return outcome.kind === 'answered' ? String(outcome.statusCode) : outcome.kind;
};
