import { Chance } from '../chance.ts';
import { CRASH_POINTS, type CrashPoint, NODE_POINTS } from '../points.ts';
import { BEHAVIOURS } from './behaviour.ts';
import type { ClusterOptions, Options } from './options.ts';
import {
  type Action,
  type ChangeSpec,
  type Fault,
  faultOf,
  RIVALRIES,
  type Step,
  type WebhookSpec,
} from './steps.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const STEPS_PER_MOMENT_MAX = 24;

const CHANGE_TYPES = (
  'event.create event.update event.update event.delete event.relation event.reorder ticket.create ticket.update ' +
  'ticket.update ticket.delete ticket.relation ticket.reorder product.create product.update product.delete ' +
  'product.relation product.reorder shop.create shop.update shop.paid shop.paid order.create order.update order.delete ' +
  'order.paid order.paid order.scan order.scan order.sold order.sold order.refunded order.reissued order.cancelled ' +
  'order.scanned scanner.scan'
).split(' ');

/** What a webhook listens to, the frequent changes more often. */
const SUBSCRIPTIONS = (
  'event.update event.update event.create event.paid event.scan event.relation ticket.update ticket.paid ticket.scan ' +
  'product.update shop.paid order.create order.paid order.paid order.update order.delete scanner.scan ORDER_SAVED EVENT_SAVED'
).split(' ');

/** What the resources of the little world belong to, as a rule; reports change it. */
const PARENTS: Readonly<Record<string, ReadonlyArray<string>>> = {
  ticket: ['event'],
  product: ['event'],
  shop: ['event', 'product'],
  order: ['shop', 'ticket', 'event', 'product'],
  scanner: ['event'],
  // A cycle now and then.
  event: ['event', 'product'],
};

const IDENTIFIERS = 4;
const ORDERS = 12;

/** Everything that users do and that goes wrong in one run, from the seed alone. */
export const drawPlan = (options: Options): ReadonlyArray<Step> => {
  const chance = new Chance(options.seed, 'workload');
  const misfortune = new Chance(options.seed, 'faults');
  const steps: Step[] = [];
  const add = (atMs: number, action: Action): void => {
    steps.push({ ...action, id: steps.length, atMs: Math.round(atMs) });
  };
  for (let n = 0; n < options.webhooks; n += 1) {
    // A few come later, while the changes are already flowing.
    const atMs = chance.chance(0.8) ? chance.between(0, 50) : chance.next() * options.hours * HOUR_MS;
    add(atMs, { do: 'subscribe', webhook: webhookOf(chance, options) });
  }
  const moments: number[] = [];
  const momentMs = (): number => Math.pow(chance.next(), 1.3) * options.hours * HOUR_MS;
  for (let moment = 0; moment < options.moments; moment += 1) {
    const startMs = moment === 0 ? 1_000 : momentMs();
    moments.push(startMs);
    const spreadMs = chance.pick([0, 5, 50, 2_000, 5 * MINUTE_MS, HOUR_MS]);
    const count = chance.between(1, STEPS_PER_MOMENT_MAX);
    for (let n = 0; n < count; n += 1) add(startMs + chance.next() * spreadMs, userAction(chance, options));
    // Trouble comes where something is going on.
    const troubles = misfortune.between(0, 4);
    for (let n = 0; n < troubles; n += 1) {
      const action = faultAction(misfortune, options);
      const offsetMs = misfortune.pick([-5, 0, 3, 20, 100, 1_000, MINUTE_MS]);
      if (allowed(options.faults, action))
        add(Math.max(startMs + offsetMs + misfortune.next() * spreadMs, 0), action);
    }
  }
  const { cluster } = options;
  const all =
    cluster === undefined || cluster.nodes === 1 ? steps : amongNodes(steps, moments, options, cluster);
  return [...all].sort((a, b) => a.atMs - b.atMs || a.id - b.id);
};

const TOGETHER_PER_MOMENT_MAX = 3;

/** The same steps, each happening to one of the nodes, and then those that only nodes know; all by chance of its own. */
const amongNodes = (
  steps: ReadonlyArray<Step>,
  moments: ReadonlyArray<number>,
  options: Options,
  { nodes, leaseMs }: ClusterOptions,
): ReadonlyArray<Step> => {
  const chance = new Chance(options.seed, 'cluster plan');
  const anyNode = (): number => chance.between(0, nodes - 1);
  const all = steps.map((step) => ('node' in step ? { ...step, node: anyNode() } : step));
  const add = (atMs: number, action: Action): void => {
    if (allowed(options.faults, action)) all.push({ ...action, id: all.length, atMs: Math.round(atMs) });
  };
  const forMs = (): number => Math.round(leaseMs * chance.pick([0.2, 0.6, 1.3, 2, 4]));
  for (const startMs of moments) {
    const spreadMs = chance.pick([0, 50, 2_000, leaseMs]);
    const reports = chance.between(0, TOGETHER_PER_MOMENT_MAX);
    for (let n = 0; n < reports; n += 1) {
      const changes = Array.from({ length: chance.between(1, 3) }, () => changeOf(chance, options));
      add(startMs + chance.next() * spreadMs, { do: 'together', how: chance.pick(RIVALRIES), changes });
    }
    const troubles = chance.between(0, 3);
    for (let n = 0; n < troubles; n += 1) {
      const atMs = Math.max(
        startMs + chance.pick([-5, 0, 3, 20, 300, leaseMs / 3]) + chance.next() * spreadMs,
        0,
      );
      add(atMs, nodeTrouble(chance, anyNode(), forMs()));
    }
  }
  return all;
};

/** Where it matters what a node does that goes on much later. */
const STANDSTILL_AT: ReadonlyArray<CrashPoint | null> = [null, 'C3', 'C5', 'C6', 'C6', 'C8', 'C21', 'C22'];

const nodeTrouble = (chance: Chance, node: number, forMs: number): Action => {
  switch (chance.pick(['cutOff', 'standstill', 'standstill', 'killed', 'in_order', 'crashAt'] as const)) {
    case 'cutOff':
      return { do: 'cutOff', node, forMs };
    case 'standstill':
      return { do: 'standstill', node, at: chance.pick(STANDSTILL_AT), forMs };
    case 'crashAt': {
      const nth = chance.between(1, 4);
      return { do: 'crashAt', node, point: chance.pick(NODE_POINTS), nth, downMs: forMs };
    }
    case 'killed':
      return { do: 'depart', node, how: 'killed', downMs: forMs };
    case 'in_order':
      return { do: 'depart', node, how: 'in_order', downMs: forMs };
  }
};

const allowed = (faults: ReadonlyArray<Fault>, action: Action): boolean => {
  const fault = faultOf(action);
  return fault === undefined || faults.includes(fault);
};

const webhookOf = (chance: Chance, options: Options): WebhookSpec => ({
  company: chance.between(0, options.companies - 1),
  on: chance.pick(SUBSCRIPTIONS),
  identifier: chance.chance(0.8) ? '' : String(chance.between(1, IDENTIFIERS)),
  children: chance.chance(0.8),
  endpoint: chance.between(0, options.endpoints - 1),
  retries: chance.between(0, options.retriesMax),
  retryBaseMs: chance.pick([null, 10, 1_000, 30_000, 3_600_000]),
  ordering: chance.chance(0.25) ? 'per_resource' : 'none',
  coalesce: chance.chance(0.2),
});

const changeOf = (chance: Chance, options: Options): ChangeSpec => {
  const type = chance.pick(CHANGE_TYPES);
  const [resource = ''] = type.split('.');
  const identifier = String(chance.between(1, resource === 'order' ? ORDERS : IDENTIFIERS));
  const parents = PARENTS[resource] ?? [];
  const declares = chance.chance(resource === 'event' ? 0.1 : 0.6);
  const belongsTo = declares
    ? Array.from(
        { length: chance.between(0, 3) },
        () => `${chance.pick(parents)}:${chance.between(1, IDENTIFIERS)}`,
      )
    : undefined;
  const company = chance.between(0, options.companies - 1);
  return { company, type, identifier, ...(belongsTo !== undefined && { belongsTo }) };
};

const userAction = (chance: Chance, options: Options): Action => {
  const which = chance.u32();
  const dice = chance.next();
  if (dice < 0.5) {
    const length = chance.chance(0.6) ? 1 : chance.between(2, 6);
    return { do: 'report', changes: Array.from({ length }, () => changeOf(chance, options)) };
  }
  if (dice < 0.54) return { do: 'resend', which };
  if (dice < 0.56) return { do: 'contradict', which };
  if (dice < 0.7) return { do: 'retry', which };
  if (dice < 0.77) return { do: 'retryAll', which };
  if (dice < 0.8) return { do: 'test', which };
  if (dice < 0.83) {
    const retries = chance.between(0, options.retriesMax);
    return { do: 'edit', which, endpoint: chance.between(0, options.endpoints - 1), retries };
  }
  if (dice < 0.87) return { do: 'disable', which };
  if (dice < 0.92) return { do: 'enable', which };
  if (dice < 0.93) return { do: 'delete', which };
  if (dice < 0.95) return { do: 'rotate', which };
  return { do: 'list', company: chance.between(0, options.companies - 1) };
};

const POINTS = (Object.keys(CRASH_POINTS) as ReadonlyArray<CrashPoint>).filter(
  (point) => !NODE_POINTS.some((one) => one === point),
);

const faultAction = (chance: Chance, options: Options): Action => {
  const node = 0;
  const downMs = chance.pick([0, 10, 1_000, MINUTE_MS, 20 * MINUTE_MS]);
  const forMs = chance.pick([50, 1_000, 10_000, 10 * MINUTE_MS]);
  switch (
    chance.pick([
      'receiver',
      'receiver',
      'receiver',
      'process',
      'process',
      'clock',
      'store',
      'store',
    ] as const)
  ) {
    case 'receiver':
      return {
        do: 'receiver',
        endpoint: chance.between(0, options.endpoints - 1),
        behaviour: chance.pick(BEHAVIOURS),
      };
    case 'process':
      switch (chance.pick(['crash', 'crashAt', 'crashAt', 'crashLoop', 'stop', 'second'] as const)) {
        case 'crash':
          return { do: 'crash', node, downMs };
        case 'crashAt':
          return { do: 'crashAt', node, point: chance.pick(POINTS), nth: chance.between(1, 6), downMs };
        case 'crashLoop':
          return { do: 'crashLoop', node, times: chance.between(2, 4), upMs: chance.pick([0, 5, 50, 600]) };
        case 'stop':
          return { do: 'stop', node, drainMs: chance.pick([0, 1_000, 10_000]), downMs };
        case 'second':
          return { do: 'second', forMs: chance.pick([1_000, MINUTE_MS, HOUR_MS]) };
      }
    // falls through: every case above returns
    case 'clock':
      switch (chance.pick(['pause', 'jump', 'jump', 'freezeClock'] as const)) {
        case 'pause':
          return { do: 'pause', node, forMs: chance.pick([1_000, 20_000, 10 * MINUTE_MS]) };
        case 'jump':
          return {
            do: 'jump',
            node,
            byMs: chance.pick([
              -30 * 24 * HOUR_MS,
              -HOUR_MS,
              -60_000,
              -1,
              1,
              2_000,
              HOUR_MS,
              30 * 24 * HOUR_MS,
            ]),
          };
        case 'freezeClock':
          return { do: 'freezeClock', node, forMs };
      }
    // falls through: every case above returns
    case 'store':
      switch (chance.pick(['slowStore', 'storeAway', 'readsFail', 'fsyncError'] as const)) {
        case 'slowStore':
          return { do: 'slowStore', forMs, mostMs: chance.pick([20, 500, 5_000]) };
        case 'storeAway':
          return { do: 'storeAway', forMs: chance.pick([100, 5_000, MINUTE_MS, 10 * MINUTE_MS]) };
        case 'readsFail':
          return { do: 'readsFail', forMs };
        case 'fsyncError':
          return { do: 'fsyncError' };
      }
  }
};
