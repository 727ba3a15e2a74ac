import { isLeft } from 'fp-ts/lib/Either.js';
import { retryAllFailed, retryInvocation, testWebhook } from '../../src/commands/invocations.ts';
import { type ChangeReceipt, guidOf, type ReportedChange } from '../../src/commands/reported-change.ts';
import type { Cause } from '../../src/domain/events.ts';
import type { Json } from '../../src/domain/json.ts';
import { ORDER_LIFE } from '../../src/domain/resource-change.ts';
import type { Resource, ResourceRef, Trigger } from '../../src/domain/resources.ts';
import type { SystemEvent, WebhookSettings } from '../../src/domain/webhook.ts';
import { contentOf } from './auditor/auditor.ts';
import { canaryOf } from './auditor/deliveries.ts';
import { rowsDiffer } from './auditor/projections.ts';
import type { Chance } from './chance.ts';
import type { Node } from './node.ts';
import { START_MS } from './node.ts';
import type { ChangeSpec, Rivalry, WebhookSpec } from './plan/steps.ts';
import type { Sim } from './sim.ts';

/** A client that hears nothing for so long asks again. */
const PATIENCE_MS = 30_000;
const AGAIN_MS = 200;
const AGAIN_MS_MAX = 10 * 60_000;

interface Report {
  readonly changes: ReadonlyArray<ReportedChange>;
  /** Others may have taken its ids meanwhile: then it is refused, and stays so. */
  readonly isRival: boolean;
  acked: boolean;
  tries: number;
  /** What is done once it was refused. */
  readonly onRefused?: () => void;
}

/** What the platform and its partners do: they ask again until they are answered, and remember what they were told. */
export class Users {
  readonly reports: Report[] = [];
  /** Reports that nobody has answered yet. */
  waiting = 0;
  readonly #sim: Sim;
  readonly #nodes: () => ReadonlyArray<Node>;
  readonly #chance: Chance;
  readonly #companies: ReadonlyArray<string>;
  /** The guid that each report was answered with first. */
  readonly #guids = new Map<string, string>();
  /** Changes that somebody was told are accepted. */
  readonly #accepted = new Set<string>();
  #moshtix = 0;

  constructor(sim: Sim, nodes: () => ReadonlyArray<Node>) {
    this.#sim = sim;
    this.#nodes = nodes;
    this.#chance = sim.chance('users');
    const ids = sim.chance('companies');
    this.#companies = Array.from({ length: sim.options.companies }, () => ids.uuid());
  }

  get companies(): ReadonlyArray<string> {
    return this.#companies;
  }

  // The platform

  report(step: number, specs: ReadonlyArray<ChangeSpec>): void {
    this.#submit(specs.map((spec, index) => this.#change(spec, `${step}-${index}`)));
  }

  resend(which: number): void {
    const known = this.reports[which % Math.max(this.reports.length, 1)];
    if (known !== undefined) this.#submit(known.changes);
  }

  /** Something else under an id that is taken: it must never be stored. */
  contradict(which: number): void {
    const acked = this.reports.filter((report) => report.acked);
    const [change] = acked[which % Math.max(acked.length, 1)]?.changes ?? [];
    const running = this.#anyRunning();
    if (change === undefined || running === undefined) return;
    const other = {
      ...change,
      data: { ...(change.data as { readonly [key: string]: Json }), contradicts: true },
    };
    const { id, intake } = running;
    running.node.deliver(id, this.#chance.delayMs(0, 20), () => {
      void intake.report([other], 'platform', this.#sim.ids.uuid()).then((receipts) => {
        this.#sim.marks.add(isLeft(receipts) ? `refused.${receipts.left._tag}` : 'contradiction_accepted');
        if (!isLeft(receipts)) {
          this.#sim.auditor.complain(
            'S2',
            `report ${change.id} is answered ${receipts.right[0]?.status ?? ''} with other content`,
          );
        }
      });
    });
  }

  /** Given to two nodes at the same moment, by a platform that did not wait for the first one's answer. */
  together(step: number, how: Rivalry, specs: ReadonlyArray<ChangeSpec>): void {
    const changes = specs.map((spec, index) => this.#change(spec, `${step}-${index}`));
    const [first, ...rest] = changes;
    if (first === undefined) return;
    const running = this.#chance.shuffled(this.#allRunning());
    const [one, other = one] = running;
    if (how === 'same') {
      this.#submit(changes, {}, one);
      return this.#submit(changes, {}, other);
    }
    const elsewhere = {
      ...first,
      identifier: `${first.identifier}0`,
      data: dataOf(canaryOf(first.companyId), `other ${step}`),
    };
    if (how === 'subject') {
      this.#submit([first], { isRival: true }, one);
      return this.#submit([elsewhere], { isRival: true }, other);
    }
    const [beside = this.#change({ company: 0, type: 'shop.update', identifier: '1' }, `${step}-beside`)] =
      rest;
    this.#submit([first], { isRival: true }, one);
    const again = {
      ...beside,
      data: dataOf(canaryOf(beside.companyId), `again ${step}`),
      occurredAtMs: START_MS,
    };
    // An id of a batch that was refused is free again, for whatever comes with it.
    const onRefused = (): void => this.#submit([again], { isRival: true });
    this.#submit([beside, elsewhere], { isRival: true, onRefused }, other);
  }

  #submit(
    changes: ReadonlyArray<ReportedChange>,
    { isRival = false, onRefused }: { readonly isRival?: boolean; readonly onRefused?: () => void } = {},
    at?: RunningAt,
  ): void {
    const report = {
      changes,
      isRival,
      acked: false,
      tries: 0,
      ...(onRefused !== undefined && { onRefused }),
    };
    // Later steps repeat and contradict reports as they were; of rivals nobody knows which one is in force.
    if (!isRival) this.reports.push(report);
    this.waiting += 1;
    this.#try(report, at);
  }

  #try(report: Report, at?: RunningAt): void {
    const sim = this.#sim;
    let answered = false;
    report.tries += 1;
    const again = (): void => {
      if (answered) return;
      answered = true;
      const mostMs = Math.min(AGAIN_MS * 2 ** report.tries, sim.isHealed ? PATIENCE_MS : AGAIN_MS_MAX);
      sim.scheduler.after(this.#chance.between(AGAIN_MS, mostMs), () => this.#try(report));
    };
    const running = at ?? this.#anyRunning();
    if (running === undefined) return again();
    const { id, intake, node } = running;
    sim.scheduler.after(PATIENCE_MS, again);
    node.deliver(id, this.#chance.delayMs(0, 20), () => {
      const before = sim.auditor.moment;
      void intake.report(report.changes, 'platform', sim.ids.uuid()).then((receipts) => {
        // The answer reaches a client that may have gone; a promise that was made counts all the same.
        if (isLeft(receipts)) {
          sim.marks.add(`report.${receipts.left._tag}`);
          if (receipts.left._tag === 'ChangeConflict' && report.isRival) {
            answered = true;
            return this.#refused(report);
          }
          if (receipts.left._tag === 'ChangeConflict')
            sim.auditor.complain('S2', `report ${receipts.left.id} is refused, and its content is the same`);
          return again();
        }
        this.#acknowledged(report, receipts.right, before);
        if (!report.acked) this.waiting -= 1;
        report.acked = true;
        answered = true;
      });
    });
  }

  /** Somebody else has won: of this one nothing may be there. */
  #refused(report: Report): void {
    const { auditor, marks } = this.#sim;
    if (report.acked) return;
    marks.add('claim_lost');
    report.acked = true;
    this.waiting -= 1;
    for (const change of report.changes) {
      const stored = auditor.changes.get(guidOf(change));
      if (stored !== undefined && stored.content === contentIn(change))
        auditor.complain('S2', `report ${change.id} is refused, and is on disk`);
    }
    report.onRefused?.();
  }

  #acknowledged(report: Report, receipts: ReadonlyArray<ChangeReceipt>, before: number): void {
    const { auditor, marks } = this.#sim;
    if (receipts.length !== report.changes.length) auditor.complain('S1', 'not every change has a receipt');
    for (const [index, { change: guid, id, status }] of receipts.entries()) {
      const change = report.changes[index];
      const stored = auditor.changes.get(guid);
      marks.add(`receipt.${status}`);
      if (stored === undefined)
        auditor.complain('S1', `report ${id} is answered ${status}, and change ${guid} is not on disk`);
      const key = `${change?.companyId ?? ''} ${id}`;
      const first = this.#guids.get(key) ?? guid;
      this.#guids.set(key, first);
      if (first !== guid)
        auditor.complain('S2', `report ${id} is answered with ${guid}, and was with ${first}`);
      if (stored !== undefined && change !== undefined && stored.content !== contentIn(change))
        auditor.complain(
          'S2',
          `report ${id} is answered ${status}, and something else is on disk under its id`,
        );
      if (status === 'accepted' && this.#accepted.has(guid))
        auditor.complain('S2', `report ${id} is accepted a second time`);
      if (status === 'accepted') this.#accepted.add(guid);
      if (status === 'accepted' && stored !== undefined && stored.durableMoment <= before)
        auditor.complain('S2', `report ${id} is accepted anew, and was on disk before`);
    }
  }

  #change(spec: ChangeSpec, id: string): ReportedChange {
    const { type, identifier } = spec;
    const [resource = '', trigger = ''] = type.split('.');
    const companyId = this.#companies[spec.company % this.#companies.length] ?? '';
    const life = Object.entries(ORDER_LIFE).find(([known]) => known === type)?.[1];
    const canary = canaryOf(companyId);
    return {
      companyId,
      changeType: type,
      eventType: life?.event ?? 'ResourceChanged',
      resource: resource as Resource,
      identifier,
      triggers: life?.triggers ?? [trigger as Trigger],
      source: '/simulated',
      id,
      occurredAtMs: START_MS + this.#sim.scheduler.nowMs,
      data: life === undefined ? dataOf(canary, id) : orderOf(canary, identifier, id),
      declared: spec.belongsTo?.map(refOf),
    };
  }

  // Partners

  subscribe(spec: WebhookSpec): void {
    const companyId = this.#companies[spec.company % this.#companies.length] ?? '';
    const settings = this.#settings(spec);
    this.#ask('subscribe', companyId, async ({ webhooks }, cause) => {
      const made = await webhooks.create(companyId, settings, cause);
      if (!isLeft(made)) this.#isDurable(made.right.webhook.facts.guid, made.right.revision);
      return made;
    });
  }

  /** One of the webhooks that exist, by a number; nothing while there is none. */
  edit(what: WebhookCommand, which: number, url: string, retries: number): void {
    const known = this.#sim.auditor.webhooksInOrder;
    const webhook = known[which % Math.max(known.length, 1)];
    if (webhook === undefined) return;
    const { guid, company } = webhook;
    this.#ask(what, company, async ({ webhooks, invocations }, cause) => {
      switch (what) {
        case 'enable':
        case 'disable':
        case 'delete': {
          const done = await webhooks[what](guid, cause);
          if (!isLeft(done)) this.#isDurable(guid, done.right.revision);
          return done;
        }
        case 'rotate':
          return webhooks.rotateSecret(guid, cause);
        case 'edit':
          return webhooks.update(guid, { url, retries }, cause);
        case 'retryAll':
          return retryAllFailed(invocations, guid, cause);
        case 'test':
          return testWebhook(invocations, guid, cause);
      }
    });
  }

  retry(which: number): void {
    const { inOrder } = this.#sim.auditor.deliveries;
    // Those of late are asked for more often.
    const invocation = inOrder[inOrder.length - 1 - (which % Math.max(Math.min(inOrder.length, 40), 1))];
    if (invocation === undefined) return;
    const { guid, webhook } = invocation;
    this.#ask('retry', webhook.company, ({ invocations }, cause) =>
      retryInvocation(invocations, guid, cause),
    );
  }

  /** What the API lists, once the read models show all that was stored. */
  list(company: number): void {
    const companyId = this.#companies[company % this.#companies.length] ?? '';
    this.#ask('list', companyId, async ({ engine, readModels, node }) => {
      const caughtUp = await engine.caughtUp();
      const { auditor, marks } = this.#sim;
      marks.add(caughtUp ? 'listed' : 'listed_behind');
      const difference = rowsDiffer(readModels, auditor.deliveries, companyId);
      // Statuses may have moved on since; then the next list shows it.
      if (difference !== undefined && readModels.checkpoint('log') >= auditor.workHead)
        auditor.complain(difference.includes('is shown to') ? 'S11' : 'S13', `${node.name}: ${difference}`);
    });
  }

  #settings(spec: WebhookSpec): WebhookSettings {
    const [resource = '', trigger = ''] = spec.on.split('.');
    const common = {
      name: 'simulated',
      url: urlOf(spec.endpoint),
      retries: spec.retries,
      retryBaseMs: spec.retryBaseMs,
      ordering: spec.ordering,
      coalesce: spec.coalesce,
    };
    if (trigger === '') {
      this.#moshtix += 2;
      const id = this.#moshtix;
      return {
        ...common,
        selection: {
          dialect: 'moshtix',
          id,
          clientId: 1,
          systemEvents: [{ id: id + 1, systemEvent: resource as SystemEvent }],
        },
        request: { headers: [], body: '{"kind": "@eventType", "about": "@contextId", "data": @data}' },
      };
    }
    return {
      ...common,
      selection: {
        dialect: 'openticket',
        resource: resource as Resource,
        trigger: trigger as Trigger,
        identifier: spec.identifier,
        triggeredByChildResources: spec.children,
      },
    };
  }

  /** Asked once of some process that runs; whoever gets no answer does not know. */
  #ask(what: string, companyId: string, work: (running: RunningAt, cause: Cause) => Promise<unknown>): void {
    const sim = this.#sim;
    const running = this.#anyRunning();
    if (running === undefined) return sim.marks.add('nobody_there');
    running.node.deliver(running.id, this.#chance.delayMs(0, 20), () => {
      const id = sim.ids.uuid();
      sim.trace(`${what} asked of process ${running.id}`);
      void work(running, { correlationId: id, causationId: id, actor: 'partner', companyId }).then(
        (answer) => {
          const refused = answer as
            { readonly _tag?: string; readonly left?: { readonly _tag: string } } | undefined;
          sim.marks.add(`${what}.${refused?._tag === 'Left' ? (refused.left?._tag ?? '') : 'done'}`);
          if (JSON.stringify(answer)?.includes('whsec_') === true)
            sim.auditor.complain('S18', `${what} answers with a secret`);
        },
      );
    });
  }

  #isDurable(guid: string, revision: number): void {
    const versions = this.#sim.auditor.webhooks.get(guid)?.versions.length ?? 0;
    if (versions <= revision)
      this.#sim.auditor.complain(
        'S1',
        `webhook ${guid} is answered at revision ${revision}, on disk are ${versions}`,
      );
  }

  #allRunning(): ReadonlyArray<RunningAt> {
    return this.#nodes().flatMap((node) => (node.running === undefined ? [] : [{ ...node.running, node }]));
  }

  #anyRunning(): RunningAt | undefined {
    const running = this.#allRunning();
    return running.length === 0 ? undefined : this.#chance.pick(running);
  }
}

export type WebhookCommand = 'enable' | 'disable' | 'delete' | 'rotate' | 'edit' | 'retryAll' | 'test';

type RunningAt = NonNullable<Node['running']> & { readonly node: Node };

export const urlOf = (endpoint: number): string => `https://r${endpoint}.example/hook`;

const contentIn = ({ companyId, resource, identifier, changeType, data }: ReportedChange): string =>
  contentOf(changeType, `${resource}-${companyId}-${identifier}`, data);

const refOf = (text: string): ResourceRef => {
  const [resource = '', identifier = ''] = text.split(':');
  return { resource: resource as Resource, identifier };
};

const WEIRD = [
  'plain',
  '<b>"\'&',
  '\u0000\u001b[31m',
  '\ud83c\udfab',
  '{{7*7}} ${x} @data @eventType',
  '',
  '\u2028',
];

const dataOf = (canary: string, id: string): Json => ({
  canary,
  id,
  text: WEIRD[id.length % WEIRD.length] ?? '',
  __proto__x: [],
});

const orderOf = (canary: string, identifier: string, id: string): Json => ({
  id: Number(identifier),
  canary,
  report: id,
  event: { id: (Number(identifier) % 4) + 1 },
  tickets: {
    items: [1, 2].map((n) => ({
      id: Number(identifier) * 10 + n,
      barcode: `B${identifier}${n}`,
      ticketType: { id: ((Number(identifier) + n) % 4) + 1 },
    })),
  },
});
