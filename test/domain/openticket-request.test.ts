import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InvocationScheduled } from '../../src/domain/invocation.ts';
import {
  type BodyFields,
  renderBody,
  requestHeaders,
  triggerHeader,
} from '../../src/domain/openticket-request.ts';
import type { Trigger } from '../../src/domain/resources.ts';
import { scheduled } from './invocation-samples.ts';
import { ref } from './worlds.ts';

const matched = (...of: ReadonlyArray<string>) =>
  of.map((name) => ({ ...ref(name), path: [ref('order:1'), ref(name)] }));

const fields: BodyFields = {
  guid: '1e0c4a3e-0000-5000-8000-000000000001',
  webhook: '96007e9b-b570-454c-aa3b-66a33a88280a',
  companyId: 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48',
  trigger: 'update',
  origin: { ...ref('ticket:7'), trigger: 'update' },
  matched: [{ ...ref('ticket:7'), path: [ref('ticket:7')] }],
  occurredAtMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  dataJson: '{"name":"free"}',
  test: false,
};

const body = (more: Partial<BodyFields> = {}): Record<string, unknown> =>
  JSON.parse(renderBody({ ...fields, ...more })) as Record<string, unknown>;

describe('the body', () => {
  it('of a direct match', () => {
    expect(renderBody(fields)).toBe(
      '{"guid":"1e0c4a3e-0000-5000-8000-000000000001","webhook":"96007e9b-b570-454c-aa3b-66a33a88280a",' +
        '"company_id":"d0a3f370-cd43-11ed-9c9c-bbcffde24a48","resource":"ticket","trigger":"update","identifier":"7",' +
        '"origin":{"resource":"ticket","identifier":"7","trigger":"update"},' +
        '"occurred_at":"2026-01-02T03:04:05.006Z","data":{"name":"free"}}',
    );
  });

  it('of a propagated match names the resource reached, and the one that changed as origin', () => {
    expect(
      body({ trigger: 'paid', origin: { ...ref('order:1'), trigger: 'paid' }, matched: matched('ticket:7') }),
    ).toEqual({
      guid: fields.guid,
      webhook: fields.webhook,
      company_id: fields.companyId,
      resource: 'ticket',
      trigger: 'paid',
      identifier: '7',
      origin: { resource: 'order', identifier: '1', trigger: 'paid' },
      occurred_at: '2026-01-02T03:04:05.006Z',
      data: { name: 'free' },
    });
  });

  it('lists all matched resources when there are several, and is named after the first', () => {
    expect(body({ matched: matched('ticket:9', 'ticket:10', 'ticket:0') })).toMatchObject({
      resource: 'ticket',
      identifier: '9',
      matched: [
        { resource: 'ticket', identifier: '9' },
        { resource: 'ticket', identifier: '10' },
        { resource: 'ticket', identifier: '0' },
      ],
    });
  });

  it('does not tell by which way a resource was reached', () => {
    expect(renderBody({ ...fields, matched: matched('ticket:9', 'ticket:10') })).not.toContain('path');
    const origin = { ...fields.origin, path: [ref('order:secret')] };
    expect(renderBody({ ...fields, origin })).not.toContain('secret');
  });

  it('of a test says so', () => {
    expect(body({ test: true, dataJson: '{}' })).toMatchObject({ test: true, data: {} });
    expect(body()).not.toHaveProperty('test');
  });

  it.each([
    'null',
    '1.0',
    '1e400',
    '12345678901234567890',
    '"\\u0041"',
    '{"a":1,"a":2}',
    '{ "a" : [ ] }',
    '[]',
  ])('data %s goes out unchanged, byte for byte', (dataJson) => {
    expect(renderBody({ ...fields, dataJson }).endsWith(`,"data":${dataJson}}`)).toBe(true);
  });

  it('any data, and any text in the other fields, reads back as it was', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('"', '\\', '}', '","data":{}', '\u2028', '\ud800'),
    );
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), anyText, (data, identifier) => {
        const dataJson = JSON.stringify(data);
        const read = body({
          dataJson,
          matched: matched(`ticket:${identifier}`, 'ticket:7'),
          origin: { ...ref(`order:${identifier}`), trigger: 'update' },
        });
        expect(read['data']).toEqual(JSON.parse(dataJson));
        expect(read).toMatchObject({ identifier, origin: { identifier }, matched: [{ identifier }, {}] });
      }),
      { numRuns: 1_000 },
    );
  });

  it('of nothing matched cannot be rendered', () => {
    expect(() => renderBody({ ...fields, matched: [] })).toThrow('at least one resource');
  });
});

const direct = (of: string, trigger: Trigger): InvocationScheduled => ({
  ...scheduled,
  ...ref(of),
  trigger,
  origin: { ...ref(of), trigger },
});

describe('OpenTicket-Trigger', () => {
  it.each([
    ['create', 'event.created'],
    ['update', 'event.updated'],
    ['delete', 'event.deleted'],
    ['paid', 'event.paid'],
    ['scan', 'event.scanned'],
    ['relation', 'event.related'],
    ['reorder', 'event.reordered'],
  ] as const)('of a direct %s is %s', (trigger, header) => {
    expect(triggerHeader(direct('event:3', trigger))).toBe(header);
  });

  it.each([
    ['order:1', 'scan', 'ticket:7', 'order.ticket.scanned'],
    ['order:1', 'paid', 'event:3', 'order.event.paid'],
    ['shop:1', 'update', 'event:1', 'shop.event.updated'],
    ['product:1', 'create', 'event:3', 'product.event.created'],
    ['ticket:1', 'update', 'ticket:2', 'ticket.ticket.updated'],
  ] as const)('of %s %s that reached %s is %s', (origin, trigger, reached, header) => {
    expect(
      triggerHeader({ ...scheduled, ...ref(reached), trigger, origin: { ...ref(origin), trigger } }),
    ).toBe(header);
  });
});

describe('the headers', () => {
  it('are these and no others', () => {
    expect(
      requestHeaders({
        scheduled,
        nonce: '5aK2HMgcUlDCWLuC3KWa',
        timestampSeconds: 1_767_323_045,
        version: '0.1.0',
      }),
    ).toStrictEqual({
      'Content-Type': 'application/json',
      'User-Agent': 'Callboard/0.1.0',
      'OpenTicket-Trigger': 'order.ticket.paid',
      'OpenTicket-Identifier': '5aK2HMgcUlDCWLuC3KWa',
      'OpenTicket-Dedupe-Key': '1e0c4a3e000050008000000000000001',
      'webhook-id': '1e0c4a3e-0000-5000-8000-000000000001',
      'webhook-timestamp': '1767323045',
    });
  });

  it('the dedupe key is the guid without its dashes, 32 hexadecimal digits', () => {
    fc.assert(
      fc.property(fc.uuid(), (guid) => {
        const attempt = { nonce: 'n', timestampSeconds: 1, version: '1' };
        const headers = requestHeaders({ ...attempt, scheduled: { ...scheduled, guid } });
        const key = headers['OpenTicket-Dedupe-Key'] ?? '';
        expect(key).toMatch(/^[0-9a-f]{32}$/);
        expect(key).toBe(guid.split('-').join(''));
        expect(headers['webhook-id']).toBe(guid);
      }),
    );
  });
});
