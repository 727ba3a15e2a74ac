import { describe, expect, it } from 'vitest';
import type { ChangeEventType } from '../../src/domain/resource-change.ts';
import { RESOURCES, type ResourceRef, type Trigger, TRIGGERS } from '../../src/domain/resources.ts';
import { savedBy } from '../../src/domain/system-events.ts';

const ref = (text: string): ResourceRef => {
  const [resource, identifier = ''] = text.split(' ');
  return { resource, identifier } as ResourceRef;
};

const GRAPH: Readonly<Record<string, ReadonlyArray<string>>> = {
  'ticket 1': ['event 9', 'event 10'],
  'product 1': ['ticket 1'],
  'shop 1': ['event 9'],
  'scanner 1': ['shop 1'],
  'order 1': ['event 9', 'ticket 1'],
};

const saved = (of: string, type: ChangeEventType, ...triggers: ReadonlyArray<Trigger>) => {
  const found = savedBy({ type, ref: ref(of), triggers }, ({ resource, identifier }) =>
    (GRAPH[`${resource} ${identifier}`] ?? []).map(ref),
  );
  return found === undefined
    ? 'nothing'
    : `${found.systemEvent} ${found.trigger}: ${found.matched.map(({ path }) => path.map((step) => `${step.resource} ${step.identifier}`).join(' > ')).join(', ')}`;
};

describe('ORDER_SAVED', () => {
  it.each([
    ['OrderSold', ['create', 'paid'], 'ORDER_SAVED create: order 1'],
    ['TicketsRefunded', ['update'], 'ORDER_SAVED update: order 1'],
    ['TicketsReissued', ['update'], 'ORDER_SAVED update: order 1'],
    ['OrderCancelled', ['delete'], 'ORDER_SAVED delete: order 1'],
    ['TicketsScanned', ['scan'], 'nothing'],
  ] as const)('of %s', (type, triggers, expected) => {
    expect(saved('order 1', type, ...triggers)).toBe(expected);
  });

  it.each(TRIGGERS)('not of a plain order.%s', (trigger) => {
    expect(saved('order 1', 'ResourceChanged', trigger)).toBe('nothing');
  });
});

describe('EVENT_SAVED', () => {
  it.each(['create', 'update', 'delete'] as const)('of event.%s', (trigger) => {
    expect(saved('event 9', 'ResourceChanged', trigger)).toBe(`EVENT_SAVED ${trigger}: event 9`);
  });

  it.each(['paid', 'scan', 'relation', 'reorder'] as const)('not of %s, whatever the resource', (trigger) => {
    for (const resource of RESOURCES)
      expect(saved(`${resource} 1`, 'ResourceChanged', trigger)).toBe('nothing');
  });

  it('of what belongs to an event, directly or not, nearest event first and then by identifier', () => {
    expect(saved('ticket 1', 'ResourceChanged', 'update')).toBe(
      'EVENT_SAVED update: ticket 1 > event 10, ticket 1 > event 9',
    );
    expect(saved('product 1', 'ResourceChanged', 'delete')).toBe(
      'EVENT_SAVED delete: product 1 > ticket 1 > event 10, product 1 > ticket 1 > event 9',
    );
    expect(saved('shop 1', 'ResourceChanged', 'create')).toBe('EVENT_SAVED create: shop 1 > event 9');
    expect(saved('scanner 1', 'ResourceChanged', 'update')).toBe(
      'EVENT_SAVED update: scanner 1 > shop 1 > event 9',
    );
  });

  it('of one of several triggers', () => {
    expect(saved('ticket 1', 'ResourceChanged', 'relation', 'update')).toContain('EVENT_SAVED update');
  });

  it('not of what belongs to no event', () => {
    expect(saved('ticket 404', 'ResourceChanged', 'update')).toBe('nothing');
  });
});
