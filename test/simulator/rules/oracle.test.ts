import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { engine } from '../../../simulator/rules/engine.ts';
import { oracle } from '../../../simulator/rules/oracle.ts';
import type { Heard, OpenTicketWebhook, Report, Step, Webhook } from '../../../simulator/rules/world.ts';
import type { Resource, ResourceRef, Trigger } from '../../../src/domain/resources.ts';
import { BUILT_IN_RULES } from '../../../src/domain/rules.ts';

const ref = (text: string): ResourceRef => {
  const [resource, identifier] = text.split(':') as [Resource, string];
  return { resource, identifier };
};

const report = (type: string, subject: string, more: Partial<Report> = {}): Report => ({
  step: 'report',
  company: 'A',
  type,
  ref: { resource: type.slice(0, type.indexOf('.')) as Resource, identifier: subject },
  ...more,
});

const belongsTo = (...parents: ReadonlyArray<string>) => ({ relations: parents.map(ref) });

const on = (
  name: string,
  target: string,
  trigger: Trigger,
  more: Partial<OpenTicketWebhook> = {},
): Webhook => ({
  dialect: 'openticket',
  name,
  company: 'A',
  ...ref(target),
  trigger,
  byChildren: true,
  ...more,
});

const moshtix = (name: string): Webhook => ({
  dialect: 'moshtix',
  name,
  company: 'A',
  systemEvents: ['ORDER_SAVED', 'EVENT_SAVED'],
});

/** `webhook trigger resource, resource` for each that is told of the last report. */
const last = (heard: ReadonlyArray<Heard>): ReadonlyArray<string> =>
  (heard.at(-1)?.told ?? [])
    .map(
      ({ webhook, by, matched }) =>
        `${webhook} ${by} ${matched.map((one) => `${one.ref.resource}:${one.ref.identifier}`).join(', ')}`,
    )
    .sort();

/** Written from the sentences of the design, one after the other; the oracle and the engine must both say so. */
describe.each([
  [
    'the oracle',
    async (webhooks: ReadonlyArray<Webhook>, steps: ReadonlyArray<Step>) =>
      oracle(BUILT_IN_RULES, { webhooks, steps }),
  ],
  [
    'the engine',
    (webhooks: ReadonlyArray<Webhook>, steps: ReadonlyArray<Step>) =>
      engine.hear(BUILT_IN_RULES, { webhooks, steps }),
  ],
])('%s', (_name, hear) => {
  const told = async (webhooks: ReadonlyArray<Webhook>, ...steps: ReadonlyArray<Step>) =>
    last(await hear(webhooks, steps));

  it('a paid order reaches event, ticket and product over relations, not the shop', async () => {
    const webhooks = [
      on('e', 'event:', 'paid'),
      on('t', 'ticket:1', 'paid'),
      on('s', 'shop:', 'paid'),
      on('other', 'ticket:2', 'paid'),
      on('not by children', 'event:', 'update', { byChildren: false }),
    ];
    expect(
      await told(
        webhooks,
        report('ticket.update', '1', belongsTo('event:1')),
        report('order.paid', '1', belongsTo('ticket:1', 'shop:1')),
      ),
    ).toEqual(['e paid event:1', 't paid ticket:1']);
  });

  it('the nearest comes first, then the identifier in code unit order; cycles end', async () => {
    expect(
      await told(
        [on('w', 'event:', 'update')],
        report('event.update', 'b', belongsTo('event:a', 'product:1')),
        report('product.update', '1', belongsTo('event:é', 'event:b', 'event:B')),
      ),
    ).toEqual(['w update event:B, event:b, event:é, event:a']);
  });

  it('altering what an event, ticket or product belongs to fires relation as well, of others not', async () => {
    const webhooks = [on('t', 'ticket:', 'relation'), on('e', 'event:', 'update')];
    const first = report('ticket.update', '1', belongsTo('event:1'));
    expect(await told(webhooks, first)).toEqual(['e update event:1', 't relation ticket:1']);
    expect(await told(webhooks, first, first)).toEqual(['e update event:1']);
    expect(await told(webhooks, first, report('ticket.update', '1', belongsTo()))).toEqual([
      't relation ticket:1',
    ]);
  });

  it('an order belongs to what its data name and to what is declared, each kept until a change carries it', async () => {
    const webhooks = [on('e', 'event:', 'paid'), on('p', 'product:', 'paid')];
    const sold = report('order.sold', '1', { order: { event: '7', ticketTypes: ['3'] } });
    const both = ['e paid event:7', 'p paid product:1'];
    expect(await told(webhooks, sold, report('order.paid', '1', belongsTo('product:1')))).toEqual(both);
    expect(
      await told(
        webhooks,
        sold,
        report('order.paid', '1', belongsTo('product:1')),
        report('order.scanned', '1', { order: { ticketTypes: ['3'] } }),
        report('order.paid', '1'),
      ),
    ).toEqual(both);
  });

  it('ORDER_SAVED by the life of an order but its scans; EVENT_SAVED by what belongs to an event but orders', async () => {
    const of = (...steps: ReadonlyArray<Step>) => told([moshtix('m')], ...steps);
    expect(await of(report('order.sold', '1'))).toEqual(['m ORDER_SAVED order:1']);
    expect(await of(report('order.scanned', '1'))).toEqual([]);
    expect(await of(report('order.create', '1', belongsTo('event:1')))).toEqual([]);
    expect(await of(report('event.update', '1'))).toEqual(['m EVENT_SAVED event:1']);
    expect(await of(report('shop.create', '1', belongsTo('event:1')))).toEqual(['m EVENT_SAVED event:1']);
    expect(await of(report('shop.paid', '1', belongsTo('event:1')))).toEqual([]);
  });

  it('another company, a disabled and a deleted webhook are not told', async () => {
    const webhooks = [
      on('abroad', 'event:', 'update', { company: 'B' }),
      on('off', 'event:', 'update'),
      on('gone', 'event:', 'update'),
      on('back', 'event:', 'update'),
    ];
    expect(
      await told(
        webhooks,
        { step: 'disable', webhook: 'off' },
        { step: 'delete', webhook: 'gone' },
        { step: 'disable', webhook: 'back' },
        { step: 'enable', webhook: 'back' },
        report('event.update', '1'),
      ),
    ).toEqual(['back update event:1']);
  });
});

it('the oracle shares no code with the engine: of src it knows types only', async () => {
  const folder = join(import.meta.dirname, '..', '..', '..', 'simulator', 'rules');
  const importsOf = async (file: string): Promise<ReadonlyArray<string>> =>
    (await readFile(join(folder, file), 'utf8')).match(/^(?:import|export)\b[^;]*? from '[^']+';/gm) ?? [];
  const imports = [...(await importsOf('oracle.ts')), ...(await importsOf('world.ts'))];
  expect(imports.length).toBeGreaterThan(3);
  expect(
    imports.filter((text) => !text.startsWith('import type ') && !text.endsWith(`'./world.ts';`)),
  ).toEqual([]);
});
