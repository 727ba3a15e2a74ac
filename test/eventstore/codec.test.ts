import fc from 'fast-check';
import { isLeft, left } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../../src/domain/events.ts';
import { hashIn } from '../../src/eventstore/chain.ts';
import { decode, decoderOf, emptyHead, seal } from '../../src/eventstore/codec.ts';
import type { EventData, RecordedEvent } from '../../src/eventstore/event-store.ts';
import { type DataOf, FORMATS, latest, upcast } from '../../src/eventstore/formats.ts';
import type { AttemptStarted } from '../../src/domain/invocation.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { legalLog } from '../arbitraries/legal-log.ts';
import { AT_MS, CAUSE, change } from './events.ts';

const STREAM = 'event-1';

const sealOne = (event: DomainEvent): EventData => {
  const [sealed] = seal(STREAM, emptyHead(STREAM), [{ id: guidOf(1), event }], CAUSE).append.events;
  if (sealed === undefined) throw new Error('nothing sealed');
  return sealed;
};

/** As it comes back from a disk: equal text, but not the object that was sealed. */
const stored = (event: EventData): RecordedEvent => ({
  stream: STREAM,
  revision: 0,
  position: 7,
  event: { ...event },
});

const reasonOf = (event: EventData): string => {
  const decoded = decode(stored(event));
  if (!isLeft(decoded)) throw new Error('it was decoded');
  const { reason, ...rest } = decoded.left;
  expect(rest).toEqual({ _tag: 'UndecodableEvent', stream: STREAM, revision: 0, position: 7 });
  return reason;
};

const edited = (event: EventData, from: string | RegExp, to: string): EventData => ({
  ...event,
  data: event.data.replace(from, to),
});

/** One event of every type, as the domain makes them. */
const examples: { readonly [E in DomainEvent as E['type']]: E } = (() => {
  const settings = {
    name: 'one',
    url: 'https://partner.example/a',
    retries: 3,
    selection: {
      dialect: 'openticket',
      resource: 'order',
      trigger: 'paid',
      identifier: '',
      triggeredByChildResources: false,
    },
    retryBaseMs: null,
    ordering: 'per_resource',
    coalesce: true,
  } as const;
  const report = {
    node: guidOf(4),
    name: guidOf(6),
    url: 'http://127.0.0.1:8080',
    version: '0.1.0',
    joinedAtMs: 1,
    handledUpTo: 17,
    readUpTo: 18,
    inFlight: 2,
    leaving: false,
  };
  const result = {
    statusCode: 500,
    error: null,
    durationMs: 12,
    address: '192.0.2.1',
    responseExcerpt: 'no',
  };
  const ref = { resource: 'ticket', identifier: '17' } as const;
  const atMs = AT_MS;
  return {
    AccountOpened: { type: 'AccountOpened', companyId: guidOf(2), atMs },
    ClientAttached: { type: 'ClientAttached', clientId: 6080, atMs },
    StrictModeSwitched: { type: 'StrictModeSwitched', strict: true, atMs },
    RetentionSet: { type: 'RetentionSet', invocationsMonths: 24, atMs },
    RetentionApplied: {
      type: 'RetentionApplied',
      settledBeforeMs: atMs,
      record: 3,
      hash: 'ab',
      streams: 2,
      events: 5,
      bytes: 900,
      atMs,
    },
    IdsIssued: { type: 'IdsIssued', first: 1, count: 3, atMs },
    ClientClaimed: { type: 'ClientClaimed', clientId: 6080, companyId: guidOf(2), atMs },
    WebhookCreated: {
      type: 'WebhookCreated',
      guid: guidOf(3),
      companyId: guidOf(2),
      nonce: 'n',
      sealedSecret: 's',
      settings,
      atMs,
    },
    WebhookUpdated: { type: 'WebhookUpdated', changes: { retries: 5, retryBaseMs: 10 }, atMs },
    WebhookEnabled: { type: 'WebhookEnabled', atMs },
    WebhookDisabled: {
      type: 'WebhookDisabled',
      reason: { kind: 'gone', invocation: guidOf(4), attempt: 2 },
      atMs,
    },
    SecretRotated: { type: 'SecretRotated', sealedSecret: 's2', previousUntilMs: AT_MS + 1, atMs },
    WebhookDeleted: { type: 'WebhookDeleted', atMs },
    ResourceChanged: change(1),
    OrderSold: { ...change(2), type: 'OrderSold' },
    TicketsRefunded: { ...change(3), type: 'TicketsRefunded' },
    TicketsReissued: { ...change(4), type: 'TicketsReissued' },
    OrderCancelled: { ...change(5), type: 'OrderCancelled' },
    TicketsScanned: { ...change(6), type: 'TicketsScanned' },
    InvocationScheduled: {
      type: 'InvocationScheduled',
      guid: guidOf(4),
      webhook: guidOf(3),
      companyId: guidOf(2),
      change: null,
      test: true,
      resource: 'ticket',
      trigger: 'create',
      identifier: '17',
      origin: { ...ref, trigger: 'create' },
      matched: [{ ...ref, path: [ref] }],
      body: '{"a":"\u2028é"}',
      retries: 3,
      retryBaseMs: 30_000,
      ordering: 'none',
      coalesce: false,
      backfill: { job: guidOf(7), webhookRevision: 2 },
      atMs,
    },
    AttemptStarted: { type: 'AttemptStarted', number: 1, url: settings.url, webhookRevision: 0, atMs },
    AttemptFailed: {
      type: 'AttemptFailed',
      number: 1,
      outcome: 'interrupted',
      result: { ...result, statusCode: null },
      nextAttemptAtMs: null,
      atMs,
    },
    InvocationDelivered: { type: 'InvocationDelivered', number: 2, result, atMs },
    InvocationExhausted: { type: 'InvocationExhausted', gone: true, atMs },
    InvocationCancelled: { type: 'InvocationCancelled', reason: 'webhook_deleted', atMs },
    InvocationSuperseded: { type: 'InvocationSuperseded', by: guidOf(5), atMs },
    RetryRequested: { type: 'RetryRequested', retries: 3, retryBaseMs: 30_000, job: guidOf(7), atMs },
    CustomerErased: {
      type: 'CustomerErased',
      guid: guidOf(7),
      companyId: guidOf(1),
      subject: '0123456789abcdef0123456789abcdef',
      key: '0123456789abcdef0123456789abcdef.1',
      changes: 3,
      askedBy: 'admin:one',
      atMs,
    },
    JobCreated: {
      type: 'JobCreated',
      guid: guidOf(7),
      kind: 'backfill',
      companyId: guidOf(2),
      webhook: guidOf(3),
      fromMs: 1,
      toMs: null,
      generation: 0,
      ratePerSecond: 50,
      cut: 17,
      counted: null,
      askedBy: 'partner',
      atMs,
    },
    JobStarted: { type: 'JobStarted', atMs },
    JobProgressed: {
      type: 'JobProgressed',
      cursor: 12,
      counts: { done: 3, skipped: { moved_on: 1 }, lookedAt: 9 },
      atMs,
    },
    JobPaused: { type: 'JobPaused', reason: 'webhook_disabled', atMs },
    JobResumed: { type: 'JobResumed', atMs },
    JobCancelled: { type: 'JobCancelled', reason: 'by_request', atMs },
    JobCompleted: { type: 'JobCompleted', counts: { done: 3, skipped: {}, lookedAt: 9 }, atMs },
    ChangeClaimed: { type: 'ChangeClaimed', change: guidOf(3), fingerprint: 'abc', atMs },
    ClaimReleased: { type: 'ClaimReleased', change: guidOf(3), atMs },
    NodeJoined: { type: 'NodeJoined', ...report, atMs },
    NodeRenewed: {
      type: 'NodeRenewed',
      ...report,
      leaving: true,
      leaseMs: 5_000,
      settings: { CALLBOARD_RETRY_BASE_MS: '30000' },
      atMs,
    },
    NodeLeft: { type: 'NodeLeft', node: guidOf(4), atMs },
    NodeExpired: { type: 'NodeExpired', node: guidOf(4), by: guidOf(5), atMs },
    HistorySealed: {
      type: 'HistorySealed',
      count: 3,
      streams: 2,
      root: 'a'.repeat(64),
      order: 'b'.repeat(64),
      last: { stream: STREAM, revision: 1 },
      number: 1,
      events: 3,
      total: 'c'.repeat(64),
      frontier: ['c'.repeat(64)],
      hint: { store: 'a store', position: 3 },
      signature: { keyId: 'k', value: 'v' },
      atMs,
    },
  };
})();

describe('event codec', () => {
  it('writes the storage format that it has always written', () => {
    expect(sealOne(examples.AttemptStarted)).toEqual({
      id: '00000000-0000-4000-8000-000000000001',
      type: 'AttemptStarted',
      data: '{"number":1,"url":"https://partner.example/a","webhookRevision":0,"atMs":1767323045678}',
      metadata:
        '{"$correlationId":"6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a01","$causationId":"6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a02",' +
        '"actor":"platform","time":"2026-01-02T03:04:05.678Z","schemaVersion":1,' +
        '"companyId":"6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a03",' +
        '"hash":"bb3e1808d1e9086ba5c05bf1b0f2e30228b64ae8ada583793934fa923455f7e0"}',
    });
  });

  it.each(Object.entries(examples))('reads %s back as it was', (_type, event) => {
    const sealed = sealOne(event);
    const decoded = decode(stored(sealed));
    if (isLeft(decoded)) throw new Error(decoded.left.reason);
    const { correlationId, causationId, actor, companyId } = CAUSE;
    expect(decoded.right).toEqual({
      id: guidOf(1),
      stream: STREAM,
      revision: 0,
      position: 7,
      event,
      metadata: {
        correlationId,
        causationId,
        actor,
        companyId,
        time: '2026-01-02T03:04:05.678Z',
        schemaVersion: 1,
        hash: hashIn(sealed.metadata),
      },
    });
    expect(decode({ ...stored(sealed), event: sealed })).toEqual(decoded);
  });

  it('puts the type beside the data, wherever it stands in the event', () => {
    const { type, ...fields } = examples.ResourceChanged;
    expect(sealOne({ ...fields, type }).data).toBe(sealOne({ type, ...fields }).data);
    expect(JSON.parse(sealOne(examples.ResourceChanged).data)).toEqual(fields);
  });

  it('keeps any JSON that a platform reports', () => {
    const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as string);
    fc.assert(
      fc.property(fc.oneof(json, fc.constant({ __proto__: 1, type: 'x' } as unknown as string)), (data) => {
        const event = change(1, data);
        expect(decode(stored(sealOne(event)))).toMatchObject({ right: { event } });
      }),
    );
    const hostile = edited(sealOne(change(1, 'MARK')), '"MARK"', '{"__proto__":{"a":1},"type":"x"}');
    const decoded = decode(stored(hostile));
    expect(JSON.stringify(decoded)).toContain('{"__proto__":{"a":1},"type":"x"}');
  });

  it('reads whatever the domain can bring about, the same from the disk as from memory', () => {
    fc.assert(
      fc.property(legalLog(), ({ events }) => {
        for (const { event } of events) {
          const sealed = sealOne(event);
          const fromDisk = decode(stored(sealed));
          expect(fromDisk).toMatchObject({ right: { event } });
          expect(fromDisk).toEqual(decode({ ...stored(sealed), event: sealed }));
        }
      }),
      { numRuns: 20 },
    );
  });

  it('names what it cannot read', () => {
    const good = sealOne(examples.AttemptStarted);
    expect(reasonOf({ ...good, type: 'AttemptDreamt' })).toBe("unknown event type 'AttemptDreamt'");
    expect(reasonOf({ ...good, type: 'toString' })).toBe("unknown event type 'toString'");
    const newer = good.metadata.replace('"schemaVersion":1', '"schemaVersion":2');
    expect(reasonOf({ ...good, metadata: newer })).toBe(
      "'AttemptStarted' of schema version 2, known up to 1",
    );
    const none = good.metadata.replace('"schemaVersion":1', '"schemaVersion":0');
    expect(reasonOf({ ...good, metadata: none })).toBe("'AttemptStarted' of schema version 0, known up to 1");
    expect(reasonOf({ ...good, metadata: '{}' })).toMatch(/^metadata: .*actor/);
    expect(reasonOf({ ...good, data: '{"number":' })).toBe('data: not JSON');
    expect(reasonOf({ ...good, metadata: 'x' })).toBe('metadata: not JSON');
    expect(reasonOf(edited(good, '"number":1', '"number":"1"'))).toMatch(
      /^data: Invalid value "1" supplied to .*number/,
    );
    expect(reasonOf(edited(good, '"number":1,', ''))).toMatch(
      /^data: Invalid value undefined supplied to .*number/,
    );
    expect(reasonOf(edited(sealOne(change(1)), '"resource":"event"', '"resource":"toString"'))).toMatch(
      /^data: /,
    );
    expect(reasonOf(edited(sealOne(change(1)), '"data":{"n":1},', ''))).toMatch(/^data: /);
    expect(reasonOf(edited(sealOne(examples.WebhookUpdated), '"retries":5', '"retries":null'))).toMatch(
      /^data: /,
    );
  });

  it('brings events of older schema versions up to the newest, step by step', () => {
    const v1 = t.strict({ attempt: t.number, atMs: t.number });
    const v2 = t.strict({ number: t.number, url: t.string, atMs: t.number });
    const attemptStarted = upcast(
      v1,
      ({ attempt, atMs }) => ({ number: attempt, url: 'unknown', atMs }),
      upcast(
        v2,
        (old): DataOf<AttemptStarted> => ({ ...old, webhookRevision: 0 }),
        latest(FORMATS.AttemptStarted.newest),
      ),
    );
    const decodeV3 = decoderOf({ ...FORMATS, AttemptStarted: attemptStarted });
    const written = (version: number, data: object): RecordedEvent => {
      const sealed = sealOne(examples.AttemptStarted);
      const metadata = sealed.metadata.replace('"schemaVersion":1', `"schemaVersion":${version}`);
      return stored({ ...sealed, data: JSON.stringify(data), metadata });
    };
    const eventOf = (recorded: RecordedEvent): unknown => {
      const decoded = decodeV3(recorded);
      return isLeft(decoded) ? decoded.left.reason : decoded.right.event;
    };
    const newest = { number: 4, url: 'unknown', webhookRevision: 0, atMs: 5 };
    const event = { type: 'AttemptStarted', ...newest };
    expect(eventOf(written(1, { attempt: 4, atMs: 5 }))).toEqual(event);
    expect(eventOf(written(2, { number: 4, url: 'unknown', atMs: 5 }))).toEqual(event);
    expect(eventOf(written(3, newest))).toEqual(event);
    expect(eventOf(written(2, { attempt: 4, atMs: 5 }))).toMatch(/^data: /);
    expect(eventOf(written(4, newest))).toBe("'AttemptStarted' of schema version 4, known up to 3");
    expect(decode(written(3, newest))).toMatchObject(left({ _tag: 'UndecodableEvent' }));
  });
});
