import { isLeft } from 'fp-ts/lib/Either.js';
import { webhookUnder, resource as resourceAggregate } from '../../src/commands/aggregates.ts';
import type { ReportedChange } from '../../src/commands/reported-change.ts';
import type { Cause, DomainEvent } from '../../src/domain/events.ts';
import { changeGuid, streamOf, uuidV5 } from '../../src/domain/ids.ts';
import type { Json } from '../../src/domain/json.ts';
import { type ResourceRef, RESOURCES, TRIGGERS } from '../../src/domain/resources.ts';
import { BUILT_IN_RULES, type Rules } from '../../src/domain/rules.ts';
import type { Selection, WebhookCommand, WebhookSettings } from '../../src/domain/webhook.ts';
import { decode, emptyHead, seal } from '../../src/eventstore/codec.ts';
import type { Decoded, Head } from '../../src/eventstore/decoded.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { changeTypesOf } from '../../src/http/change-types.ts';
import { changesFrom, type EventRules } from '../../src/http/cloud-event.ts';
import type { OrderData, Report, Step, Webhook, World } from './world.ts';

/**
 * Plays a world into an event store by the program's own code: reports are read as CloudEvents, every event is decided by
 * its aggregate, sealed and stored, and read back.
 */

/** Rules are put to the test here, not reports: what is reported may be a change that these rules have no trigger for. */
const EVERY_TYPE = changeTypesOf({
  ...BUILT_IN_RULES,
  direct: RESOURCES.flatMap((resource) =>
    TRIGGERS.map((trigger) => ({ resource, trigger, source: 'operator' as const })),
  ),
});

const NAMES = '5b0c6c0e-6a77-4f0e-8a3c-3d1f6f0b9c11';
const EPOCH_MS = Date.UTC(2026, 0, 1);

/** The guid that a company or webhook of a world has in the log. Their order says nothing of the order of creation. */
export const guidOf = (kind: 'company' | 'webhook', name: string): string => uuidV5(NAMES, `${kind} ${name}`);

/** What a step left in the log; nothing when it was refused or changed nothing. */
export interface Recorded {
  readonly step: number | 'before';
  readonly events: ReadonlyArray<Decoded>;
}

export interface Recording {
  readonly store: EventStore;
  /** Step by step; the webhooks' creations come first. */
  play(): AsyncIterable<Recorded>;
}

/** A report as `POST /changes` takes it. `number` tells it from others with the same content. */
export const cloudEventOf = (report: Report, number: number): Readonly<Record<string, Json>> => ({
  specversion: '1.0',
  id: `report ${number}`,
  source: '/worlds',
  type: report.type,
  subject: report.ref.identifier,
  companyid: guidOf('company', report.company),
  time: new Date(EPOCH_MS + number * 1_000).toISOString(),
  data: {
    ...(report.relations !== undefined && { relations: report.relations.map(refJson) }),
    ...(report.order !== undefined && orderJson(report.order)),
  },
});

const refJson = ({ resource, identifier }: ResourceRef): Json => ({ resource, identifier });

/** A ticket's id is that of its type: the same ticket in every report. */
const orderJson = ({ event, ticketTypes }: OrderData): Readonly<Record<string, Json>> => ({
  ...(event !== undefined && { event: { id: event } }),
  tickets: { items: ticketTypes.map((type) => ({ id: `one of ${type}`, ticketType: { id: type } })) },
});

/** A world that the program does not take, because of how it was written. */
export class ImpossibleWorld extends Error {}

export const recordingOf = (rules: Rules, world: World): Recording => {
  const store = openMemoryStore();
  const heads = new Map<string, { state: unknown; head: Head }>();
  const webhookAggregate = webhookUnder(rules);
  const reading: EventRules = {
    types: EVERY_TYPE,
    principal: { subject: 'platform', role: 'admin', companies: '*', client: null },
  };

  const write = async (
    stream: string,
    state: unknown,
    events: ReadonlyArray<{ readonly id: string; readonly event: DomainEvent }>,
    cause: Cause,
  ): Promise<ReadonlyArray<Decoded>> => {
    if (events.length === 0) return [];
    const { append, head } = seal(stream, heads.get(stream)?.head ?? emptyHead(stream), events, cause);
    const appended = await store.append([append])();
    if (isLeft(appended)) throw new Error(`a world cannot be stored: ${appended.left._tag}`);
    heads.set(stream, { state, head });
    const read = await store.readStream(stream, {
      fromRevision: head.revision - events.length + 1,
      limit: 100,
    })();
    if (isLeft(read)) throw new Error(`a world cannot be read: ${read.left._tag}`);
    return read.right.map((recorded) => {
      const decoded = decode(recorded);
      if (isLeft(decoded)) throw new Error(`${stream}: ${decoded.left.reason}`);
      return decoded.right;
    });
  };

  const command = async (name: string, company: string, number: number, wanted: WebhookCommand) => {
    const stream = streamOf.webhook(guidOf('webhook', name));
    const state = (heads.get(stream)?.state ?? webhookAggregate.initial) as typeof webhookAggregate.initial;
    const decided = webhookAggregate.decide(state, wanted);
    // Refused, as its owner would be: it could never fire, or is not there.
    if (isLeft(decided)) return [];
    const events = decided.right.map((event, at) => ({
      id: uuidV5(NAMES, `${stream} ${number} ${at}`),
      event,
    }));
    const after = decided.right.reduce(webhookAggregate.evolve, state);
    return write(stream, after, events, causeOf(company));
  };

  const create = (webhook: Webhook, number: number) =>
    command(webhook.name, webhook.company, number, {
      type: 'CreateWebhook',
      guid: guidOf('webhook', webhook.name),
      companyId: guidOf('company', webhook.company),
      nonce: 'nonce',
      sealedSecret: 'sealed',
      settings: settingsOf(webhook, number),
      atMs: EPOCH_MS,
    });

  const report = async (step: Report, number: number): Promise<ReadonlyArray<Decoded>> => {
    const change = reportedChange(step, number, reading);
    const { companyId, resource, identifier, source, id, occurredAtMs, ...rest } = change;
    const stream = streamOf.resource(companyId, resource, identifier);
    const state = (heads.get(stream)?.state ?? resourceAggregate.initial) as typeof resourceAggregate.initial;
    const atMs = EPOCH_MS + number * 1_000;
    const decided = resourceAggregate.decide(state, {
      ...rest,
      type: 'ReportChange',
      companyId,
      resource,
      identifier,
      source,
      id,
      fingerprint: `of report ${number}`,
      occurredAtMs: occurredAtMs ?? atMs,
      policy: { strict: false, reissueScanned: rules.reissueScanned },
      atMs,
    });
    if (isLeft(decided)) throw new Error('an account that is not strict takes every report');
    const guid = changeGuid(companyId, source, id);
    const after = decided.right.reduce(resourceAggregate.evolve, state);
    return write(
      stream,
      after,
      decided.right.map((event) => ({ id: guid, event })),
      causeOf(step.company),
    );
  };

  const apply = (step: Step, number: number): Promise<ReadonlyArray<Decoded>> => {
    if (step.step === 'report') return report(step, number);
    const company = world.webhooks.find(({ name }) => name === step.webhook)?.company;
    if (company === undefined) throw new ImpossibleWorld(`there is no webhook "${step.webhook}"`);
    return command(step.webhook, company, number, webhookCommand(step));
  };

  return {
    store,
    play: async function* () {
      for (const [at, webhook] of world.webhooks.entries()) {
        yield { step: 'before', events: await create(webhook, at + 1) };
      }
      for (const [at, step] of world.steps.entries())
        yield { step: at, events: await apply(step, 1_000 + at) };
    },
  };
};

const causeOf = (company: string): Cause => ({
  correlationId: 'world',
  causationId: 'world',
  actor: 'world',
  companyId: guidOf('company', company),
});

const reportedChange = (report: Report, number: number, reading: EventRules): ReportedChange => {
  const read = changesFrom(reading, [cloudEventOf(report, number)], true);
  const change = isLeft(read) ? undefined : read.right[0];
  if (change !== undefined) return change;
  const why = isLeft(read) && read.left._tag === 'InvalidFields' ? read.left.errors : [];
  throw new ImpossibleWorld(
    `${report.type}: ${why.map(({ field, message }) => `${field} ${message}`).join('; ')}`,
  );
};

const ATTRIBUTES = { url: 'https://partner.example/', retries: 0, retryBaseMs: null } as const;
const TEMPLATE = '{"event": @eventType, "id": @contextId, "data": @data}';

const settingsOf = (webhook: Webhook, number: number): WebhookSettings => ({
  ...ATTRIBUTES,
  name: webhook.name,
  ordering: 'none',
  coalesce: false,
  selection: selectionOf(webhook, number),
  ...(webhook.dialect === 'moshtix' && { request: { headers: [], body: TEMPLATE } }),
});

const selectionOf = (webhook: Webhook, id: number): Selection =>
  webhook.dialect === 'openticket'
    ? {
        dialect: 'openticket',
        resource: webhook.resource,
        trigger: webhook.trigger,
        identifier: webhook.identifier,
        triggeredByChildResources: webhook.byChildren,
      }
    : {
        dialect: 'moshtix',
        id,
        clientId: 1,
        systemEvents: webhook.systemEvents.map((systemEvent, at) => ({ id: at + 1, systemEvent })),
      };

const webhookCommand = (step: Exclude<Step, Report>): WebhookCommand => {
  const atMs = EPOCH_MS;
  switch (step.step) {
    case 'enable':
      return { type: 'EnableWebhook', atMs };
    case 'disable':
      return { type: 'DisableWebhook', reason: { kind: 'by_request' }, atMs };
    case 'delete':
      return { type: 'DeleteWebhook', atMs };
    case 'retarget': {
      const { byChildren, ...rest } = step.to;
      const selection = {
        ...rest,
        ...(byChildren !== undefined && { triggeredByChildResources: byChildren }),
      };
      return { type: 'UpdateWebhook', changes: { selection }, atMs };
    }
  }
};
