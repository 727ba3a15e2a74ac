import { describe, expect, it } from 'vitest';
import { matchChange } from '../../src/domain/matching.ts';
import type { Resource, Trigger } from '../../src/domain/resources.ts';
import { BUILT_IN_RULES, couldFire, isDirect, triggersThatCouldFire } from '../../src/domain/rules.ts';
import { graph, listener, listening, ref } from './worlds.ts';

/** Typed out from the documented tables, not taken from the rules under test. */
const RESOURCES: ReadonlyArray<Resource> = ['event', 'ticket', 'product', 'shop', 'order', 'scanner'];
const TRIGGERS: ReadonlyArray<Trigger> = [
  'create',
  'update',
  'delete',
  'paid',
  'scan',
  'relation',
  'reorder',
];

const DIRECT: Readonly<Record<Resource, string>> = {
  event: 'create update delete relation reorder',
  ticket: 'create update delete relation reorder',
  product: 'create update delete relation reorder',
  shop: 'create update paid',
  order: 'create update delete paid scan',
  scanner: 'scan',
};

/** Row: origin of the change. Column: what it reaches. Cell: on which triggers. */
const REACHES: Readonly<Record<Resource, Readonly<Record<Resource, string>>>> = {
  event: { event: '', ticket: '', product: '', shop: '', order: '', scanner: '' },
  ticket: { event: 'create update delete', ticket: '', product: '', shop: '', order: '', scanner: '' },
  product: { event: 'create update delete', ticket: '', product: '', shop: '', order: '', scanner: '' },
  shop: { event: 'paid update', ticket: 'paid', product: 'paid', shop: '', order: '', scanner: '' },
  order: {
    event: 'create delete scan paid',
    ticket: 'scan paid',
    product: 'scan paid',
    shop: '',
    order: '',
    scanner: '',
  },
  scanner: { event: '', ticket: '', product: '', shop: '', order: '', scanner: '' },
};

/** What a webhook hears of only through related resources. */
const ONLY_BY_RELATED: Readonly<Record<Resource, string>> = {
  event: 'paid scan',
  ticket: 'paid scan',
  product: 'paid scan',
  shop: '',
  order: '',
  scanner: '',
};

const has = (cell: string, trigger: Trigger): boolean => cell.split(' ').includes(trigger);
const a = (word: string): string => (/^[aeiou]/.test(word) ? `an ${word}` : `a ${word}`);

const direct = RESOURCES.flatMap((resource) => TRIGGERS.map((trigger) => ({ resource, trigger })));
const propagation = RESOURCES.flatMap((origin) =>
  RESOURCES.flatMap((reached) => TRIGGERS.map((trigger) => ({ origin, reached, trigger }))),
);

describe('direct triggers', () => {
  const told = (resource: Resource, trigger: Trigger): ReadonlyArray<string> =>
    matchChange(
      BUILT_IN_RULES,
      { ref: ref(`${resource}:1`), triggers: [trigger] },
      graph(),
      listening(
        listener('any', `${resource}:`, trigger, { triggeredByChildResources: false }),
        listener('this one', `${resource}:1`, trigger, { triggeredByChildResources: false }),
        listener('another', `${resource}:2`, trigger, { triggeredByChildResources: false }),
      ),
    ).map(({ subscriber }) => subscriber.webhook);

  const cells = direct.map((cell) => ({ ...cell, fires: has(DIRECT[cell.resource], cell.trigger) }));

  it.each(
    cells
      .filter(({ fires }) => fires)
      .map((cell) => ({ ...cell, name: `${a(cell.resource)} has a ${cell.trigger} trigger` })),
  )('$name', ({ resource, trigger }) => {
    expect(told(resource, trigger)).toEqual(['any', 'this one']);
    expect(isDirect(BUILT_IN_RULES, resource, trigger)).toBe(true);
    expect(couldFire(BUILT_IN_RULES, resource, trigger, false)).toBe(true);
  });

  it.each(
    cells
      .filter(({ fires }) => !fires)
      .map((cell) => ({ ...cell, name: `${a(cell.resource)} has no ${cell.trigger} trigger` })),
  )('$name', ({ resource, trigger }) => {
    expect(told(resource, trigger)).toEqual([]);
    expect(isDirect(BUILT_IN_RULES, resource, trigger)).toBe(false);
    expect(couldFire(BUILT_IN_RULES, resource, trigger, false)).toBe(false);
  });
});

describe('propagation', () => {
  /** The origin belongs to the reached resource twice over: at once, and by way of a resource between them. */
  const told = (origin: Resource, trigger: Trigger, reached: Resource): ReadonlyArray<string> =>
    matchChange(
      BUILT_IN_RULES,
      { ref: ref(`${origin}:1`), triggers: [trigger] },
      graph(`${origin}:1 -> ${reached}:2`, `${origin}:1 -> shop:9`, `shop:9 -> ${reached}:3`),
      listening(
        listener('its', `${reached}:2`, trigger),
        listener('its, further off', `${reached}:3`, trigger),
        listener('not related', `${reached}:4`, trigger),
        listener('not by related resources', `${reached}:2`, trigger, { triggeredByChildResources: false }),
      ),
    ).map(({ subscriber }) => subscriber.webhook);

  const cells = propagation.map((cell) => ({
    ...cell,
    fires: has(REACHES[cell.origin][cell.reached], cell.trigger),
  }));

  it.each(
    cells
      .filter(({ fires }) => fires)
      .map((cell) => ({
        ...cell,
        name: `${a(cell.origin)} ${cell.trigger} reaches webhooks on its ${cell.reached}`,
      })),
  )('$name', ({ origin, trigger, reached }) => {
    expect(told(origin, trigger, reached)).toEqual(['its', 'its, further off']);
  });

  it.each(
    cells
      .filter(({ fires }) => !fires)
      .map((cell) => ({
        ...cell,
        name: `${a(cell.origin)} ${cell.trigger} does not reach webhooks on its ${cell.reached}`,
      })),
  )('$name', ({ origin, trigger, reached }) => {
    expect(told(origin, trigger, reached)).toEqual([]);
  });
});

describe('what could fire', () => {
  it.each(direct.map((cell) => ({ ...cell, name: `${cell.resource} ${cell.trigger}` })))(
    'a webhook on $name that listens to related resources',
    ({ resource, trigger }) => {
      const possible = has(DIRECT[resource], trigger) || has(ONLY_BY_RELATED[resource], trigger);
      expect(couldFire(BUILT_IN_RULES, resource, trigger, true)).toBe(possible);
    },
  );

  it('lists the triggers in the order of the table', () => {
    expect(triggersThatCouldFire(BUILT_IN_RULES, 'event', false)).toEqual([
      'create',
      'update',
      'delete',
      'relation',
      'reorder',
    ]);
    expect(triggersThatCouldFire(BUILT_IN_RULES, 'event', true)).toEqual(TRIGGERS);
    expect(triggersThatCouldFire(BUILT_IN_RULES, 'scanner', true)).toEqual(['scan']);
  });
});

it('every propagation rule names its source: the table, but for orders paid, which the prose tells of', () => {
  for (const { origin, trigger, source } of BUILT_IN_RULES.propagation) {
    expect(source, `${origin} ${trigger}`).toBe(origin === 'order' && trigger === 'paid' ? 'prose' : 'table');
  }
});

describe("an operator's rules replace the built-in ones", () => {
  const rules = {
    direct: [{ resource: 'shop', trigger: 'delete', source: 'operator' }],
    propagation: [{ origin: 'shop', trigger: 'delete', reaches: ['shop', 'order'], source: 'operator' }],
    reissueScanned: false,
  } as const;
  const told = (trigger: Trigger): ReadonlyArray<string> =>
    matchChange(
      rules,
      { ref: ref('shop:1'), triggers: [trigger] },
      graph('shop:1 -> shop:2', 'shop:2 -> order:3'),
      listening(
        listener('itself', 'shop:1', trigger),
        listener('same type', 'shop:2', trigger),
        listener('order', 'order:3', trigger),
      ),
    ).map(({ subscriber }) => subscriber.webhook);

  it('what they add fires, between resources of one type too', () => {
    expect(told('delete')).toEqual(['itself', 'order', 'same type']);
    expect(couldFire(rules, 'order', 'delete', true)).toBe(true);
  });

  it('what they leave out does not', () => {
    expect(told('update')).toEqual([]);
    expect(couldFire(rules, 'order', 'create', true)).toBe(false);
  });
});
