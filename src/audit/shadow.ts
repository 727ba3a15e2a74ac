import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { invocationGuid, isResourceStream, streamOf } from '../domain/ids.ts';
import type { InvocationEvent, InvocationScheduled } from '../domain/invocation.ts';
import type { Match } from '../domain/matching.ts';
import { headerValue } from '../domain/moshtix-request.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { ResourceRef } from '../domain/resources.ts';
import { parseTemplate, templateKindOf } from '../domain/template.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { ReadFailure } from '../eventstore/event-store.ts';
import { decodeAll } from '../projections/projector.ts';
import type { ActiveWebhook, ReadModels, Routing } from '../projections/read-models.ts';
import { type AuditedLog, buildModels, pagesOf } from './log-pages.ts';
import { type BodyDifference, diffBodies } from './shadow-diff.ts';
import { recordedRound, type Round, roundOf, shadowRound } from './shadow-retries.ts';
import { type ShadowedWebhook, shadowRouting, type ShadowSettings } from './shadow-routing.ts';
import { webhookHistory } from './webhook-history.ts';

export interface ShadowDeps {
  readonly log: AuditedLog;
  /** Empty ones, which are built here from the log and nothing else. */
  readonly models: ReadModels;
  /** Who would hear of a change, by the rules that are tried. */
  readonly hearersOf: (
    routing: Routing,
    change: Decoded<ResourceChange>,
  ) => ReadonlyArray<Match<ActiveWebhook>>;
  /** What one of them would be told; undefined: more than can be sent. */
  readonly render: (
    change: Decoded<ResourceChange>,
    match: Match<ActiveWebhook>,
  ) => Promise<InvocationScheduled | undefined>;
  readonly onProgress: (events: number) => void;
}

export interface ShadowScope {
  readonly companyId: string | undefined;
  readonly webhook: string | undefined;
  /** fromMs ≤ the time at which a change was recorded < toMs. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly settings: ShadowSettings;
  /** Of each kind and webhook. */
  readonly examplesMax: number;
}

export const COMPARED = ['equal', 'differs', 'only_before', 'only_after'] as const;
export type Compared = (typeof COMPARED)[number];
export type Counts = Record<Compared, number>;

export interface ShadowExample {
  readonly compared: Exclude<Compared, 'equal'>;
  readonly change: string;
  readonly changeType: string;
  readonly recordedAtMs: number;
  readonly invocation: string;
  readonly path: ReadonlyArray<ResourceRef>;
  readonly differences: ReadonlyArray<BodyDifference>;
}

/** An invocation whose attempts would have come otherwise. */
export interface RoundExample {
  readonly invocation: string;
  readonly before: Round;
  readonly after: Round;
}

export interface Rounds {
  /** Invocations whose first round came to an end: the only ones that are compared. */
  compared: number;
  attemptsBefore: number;
  attemptsAfter: number;
  /** From the first attempt's start to the last one's, all together. */
  waitedMsBefore: number;
  waitedMsAfter: number;
  readonly before: Record<Round['outcome'], number>;
  readonly after: Record<Round['outcome'], number>;
}

export interface WebhookShadow {
  readonly webhook: string;
  readonly companyId: string;
  readonly counts: Counts;
  readonly rounds: Rounds;
  readonly examples: ShadowExample[];
  readonly roundExamples: RoundExample[];
}

export interface Shadowed {
  readonly changes: number;
  readonly counts: Counts;
  readonly rounds: Rounds;
  /** Those with the greatest difference first. */
  readonly webhooks: ReadonlyArray<WebhookShadow>;
}

export type ShadowFailure =
  | ReadFailure
  | { readonly _tag: 'WebhookUnknown' }
  /** The webhook, as it was last, cannot have what is to be tried. */
  | { readonly _tag: 'NotForThisWebhook'; readonly message: string };

/**
 * Goes through the history once more, with other rules, a webhook or retries, and compares what would have been sent with
 * what was. Nothing is sent, nothing stored. Memory holds the counts and a few examples for each webhook.
 */
export const shadow = async (
  deps: ShadowDeps,
  scope: ShadowScope,
): Promise<Either<ShadowFailure, Shadowed>> => {
  const { log, models, onProgress } = deps;
  const head = await log.head()();
  if (isLeft(head)) return head;
  let events = 0;
  const built = await buildModels(log, models, head.right, (decoded) => {
    events += decoded.length;
    onProgress(events);
  });
  if (isLeft(built)) return built;
  const shadowed = await webhookOf(deps, scope.webhook);
  if (isLeft(shadowed)) return shadowed;
  const refused = refusalOf(scope.settings, shadowed.right);
  if (refused !== undefined) return left({ _tag: 'NotForThisWebhook', message: refused });
  const run = new Run(deps, scope, shadowRouting(models, scope.settings, shadowed.right));
  for await (const page of pagesOf(log, head.right)) {
    if (isLeft(page)) return page;
    for (const decoded of page.right.decoded) {
      if (!isChange(decoded) || !run.takes(decoded)) continue;
      const compared = await run.compare(decoded);
      if (isLeft(compared)) return compared;
    }
    events += page.right.decoded.length;
    onProgress(events);
  }
  return right(run.result());
};

const webhookOf = async (
  { log, models }: ShadowDeps,
  guid: string | undefined,
): Promise<Either<ShadowFailure, ShadowedWebhook | undefined>> => {
  if (guid === undefined) return right(undefined);
  if (models.createdAt(guid) === undefined) return left({ _tag: 'WebhookUnknown' });
  const steps = await webhookHistory({ store: log }, guid);
  if (isLeft(steps)) return steps;
  const last = steps.right.at(-1)?.after;
  if (last === undefined || last.situation === 'unknown') return left({ _tag: 'WebhookUnknown' });
  return right({ guid, companyId: last.facts.companyId, steps: steps.right });
};

/** What the server would refuse, too, were it to be saved. */
const refusalOf = (
  { selection, template }: ShadowSettings,
  shadowed: ShadowedWebhook | undefined,
): string | undefined => {
  const last = shadowed?.steps.at(-1)?.after;
  if (last === undefined || last.situation === 'unknown') return undefined;
  const { selection: of, request } = last.facts.settings;
  if (selection !== undefined && of.dialect !== 'openticket')
    return 'a Moshtix webhook has no resource and trigger';
  if (template === undefined) return undefined;
  if (request === undefined) return 'the webhook has no body template: only those of the Moshtix dialect do';
  const parsed = parseTemplate(template, templateKindOf(headerValue(request.headers, 'content-type')));
  if (!isLeft(parsed)) return undefined;
  const { line, column, reason } = parsed.left;
  return `the template cannot be used: line ${line}, column ${column}: ${reason}`;
};

/** What was sent to one webhook of one change. */
interface Sent {
  readonly scheduled: InvocationScheduled;
  readonly events: ReadonlyArray<InvocationEvent>;
}

const PAGE = 200;
const EVENTS_PAGE = 500;

class Run {
  readonly #deps: ShadowDeps;
  readonly #scope: ShadowScope;
  readonly #routing: Routing;
  readonly #webhooks = new Map<string, WebhookShadow>();
  #changes = 0;

  constructor(deps: ShadowDeps, scope: ShadowScope, routing: Routing) {
    this.#deps = deps;
    this.#scope = scope;
    this.#routing = routing;
  }

  takes({ event }: Decoded<ResourceChange>): boolean {
    const { companyId, fromMs, toMs } = this.#scope;
    return (
      (companyId === undefined || event.companyId === companyId) && event.atMs >= fromMs && event.atMs < toMs
    );
  }

  async compare(change: Decoded<ResourceChange>): Promise<Either<ReadFailure, void>> {
    this.#changes += 1;
    const { webhook: only } = this.#scope;
    const matches = new Map<string, Match<ActiveWebhook>>();
    for (const match of this.#deps.hearersOf(this.#routing, change)) {
      const { webhook } = match.subscriber;
      if (only === undefined || webhook === only) matches.set(webhook, match);
    }
    // One page of those who heard is held at a time, without their bodies.
    for (let before: number | undefined; ;) {
      const rows = this.#deps.models.invocations(
        {
          companyId: change.event.companyId,
          change: change.id,
          ...(only !== undefined && { webhook: only }),
        },
        before,
        PAGE,
      );
      for (const { guid, webhook } of rows) {
        const sent = await this.#sent(guid);
        if (isLeft(sent)) return sent;
        const match = matches.get(webhook);
        matches.delete(webhook);
        // A job told of it long after: the webhook was not there, whatever the rules.
        if (sent.right?.scheduled.backfill === undefined)
          await this.#note(change, webhook, sent.right, match);
      }
      if (rows.length < PAGE) break;
      before = rows.at(-1)?.position;
    }
    for (const [webhook, match] of matches) await this.#note(change, webhook, undefined, match);
    return right(undefined);
  }

  /** Undefined: its scheduling was removed from the log by policy. */
  async #sent(guid: string): Promise<Either<ReadFailure, Sent | undefined>> {
    const events: InvocationEvent[] = [];
    for (;;) {
      const options = { fromRevision: events.length, limit: EVENTS_PAGE };
      const page = await this.#deps.log.readStream(streamOf.invocation(guid), options)();
      if (isLeft(page)) return page;
      events.push(...decodeAll(page.right).map(({ event }) => event as InvocationEvent));
      if (page.right.length < EVENTS_PAGE) break;
    }
    const [first] = events;
    return right(first?.type === 'InvocationScheduled' ? { scheduled: first, events } : undefined);
  }

  async #note(
    change: Decoded<ResourceChange>,
    webhook: string,
    sent: Sent | undefined,
    match: Match<ActiveWebhook> | undefined,
  ): Promise<void> {
    if (sent === undefined && match === undefined) return;
    const of = this.#of(webhook, change.event.companyId);
    const would = match === undefined ? undefined : await this.#deps.render(change, match);
    const differences =
      sent !== undefined && match !== undefined ? diffBodies(sent.scheduled.body, would?.body ?? '') : [];
    const compared: Compared =
      sent === undefined
        ? 'only_after'
        : match === undefined
          ? 'only_before'
          : differences.length === 0
            ? 'equal'
            : 'differs';
    of.counts[compared] += 1;
    const shown = of.examples.filter((example) => example.compared === compared).length;
    if (compared !== 'equal' && shown < this.#scope.examplesMax) {
      const path = match?.matched[0]?.path ?? sent?.scheduled.matched[0]?.path ?? [];
      of.examples.push({
        compared,
        change: change.id,
        changeType: change.event.changeType,
        recordedAtMs: change.event.atMs,
        invocation: invocationGuid(webhook, change.id),
        path,
        differences,
      });
    }
    if (sent !== undefined && would !== undefined) this.#noteRound(of, sent, would);
  }

  #noteRound(of: WebhookShadow, { scheduled, events }: Sent, would: InvocationScheduled): void {
    const attempts = recordedRound(events);
    if (attempts === undefined) return;
    const before = roundOf(attempts);
    const after = shadowRound(scheduled.guid, attempts, would);
    addRound(of.rounds, before, after);
    const isOther =
      before.outcome !== after.outcome ||
      before.startedAtMs.some((startMs, index) => startMs !== after.startedAtMs[index]) ||
      before.startedAtMs.length !== after.startedAtMs.length;
    if (isOther && of.roundExamples.length < this.#scope.examplesMax)
      of.roundExamples.push({ invocation: scheduled.guid, before, after });
  }

  #of(webhook: string, companyId: string): WebhookShadow {
    const known = this.#webhooks.get(webhook) ?? {
      webhook,
      companyId,
      counts: noCounts(),
      rounds: noRounds(),
      examples: [],
      roundExamples: [],
    };
    this.#webhooks.set(webhook, known);
    return known;
  }

  result(): Shadowed {
    const webhooks = [...this.#webhooks.values()].sort(
      (a, b) => differing(b.counts) - differing(a.counts) || (a.webhook < b.webhook ? -1 : 1),
    );
    const counts = noCounts();
    const rounds = noRounds();
    for (const one of webhooks) {
      for (const compared of COMPARED) counts[compared] += one.counts[compared];
      rounds.compared += one.rounds.compared;
      rounds.attemptsBefore += one.rounds.attemptsBefore;
      rounds.attemptsAfter += one.rounds.attemptsAfter;
      rounds.waitedMsBefore += one.rounds.waitedMsBefore;
      rounds.waitedMsAfter += one.rounds.waitedMsAfter;
      for (const outcome of ['delivered', 'exhausted', 'unknown'] as const) {
        rounds.before[outcome] += one.rounds.before[outcome];
        rounds.after[outcome] += one.rounds.after[outcome];
      }
    }
    return { changes: this.#changes, counts, rounds, webhooks };
  }
}

const noCounts = (): Counts => ({ equal: 0, differs: 0, only_before: 0, only_after: 0 });

const noRounds = (): Rounds => ({
  compared: 0,
  attemptsBefore: 0,
  attemptsAfter: 0,
  waitedMsBefore: 0,
  waitedMsAfter: 0,
  before: { delivered: 0, exhausted: 0, unknown: 0 },
  after: { delivered: 0, exhausted: 0, unknown: 0 },
});

const addRound = (rounds: Rounds, before: Round, after: Round): void => {
  rounds.compared += 1;
  rounds.attemptsBefore += before.startedAtMs.length;
  rounds.attemptsAfter += after.startedAtMs.length;
  rounds.waitedMsBefore += waited(before);
  rounds.waitedMsAfter += waited(after);
  rounds.before[before.outcome] += 1;
  rounds.after[after.outcome] += 1;
};

const waited = ({ startedAtMs }: Round): number => (startedAtMs.at(-1) ?? 0) - (startedAtMs[0] ?? 0);

const differing = ({ differs, only_before, only_after }: Counts): number =>
  differs + only_before + only_after;

const isChange = (decoded: Decoded): decoded is Decoded<ResourceChange> => isResourceStream(decoded.stream);
