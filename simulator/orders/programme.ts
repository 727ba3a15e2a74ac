import type { JsonObject } from '../../src/domain/json.ts';
import type { Resource } from '../../src/domain/resources.ts';
import { Dice } from '../dice.ts';
import { type Report, reportOfEvent } from './cloud-event.ts';
import { type Company, DICE, HOUR_MS, type Show, type World } from './world.ts';

/** What is reported of a show apart from its orders: the catalogue, its changes, the doors, the gates, the end. */

export interface Milestone {
  readonly atMs: number;
  /** Made when they are told: a season has many milestones to come. */
  readonly reports: () => ReadonlyArray<Report>;
}

const GATE_EVERY_MS = HOUR_MS / 4;
const EDITS_MAX = 2_000;

/** In the order of time; the first is the announcement. `others` are shows that the same company sells already. */
export const programmeOf = (
  world: World,
  show: Show,
  others: ReadonlyArray<Show>,
  isFirst: boolean,
): ReadonlyArray<Milestone> => {
  const { shape, roots } = world;
  const dice = new Dice(...roots, DICE.programme, show.number);
  const reporter = new Reporter(world, show);
  const { onSaleMs, doorsMs, startMs, endMs, calledOffMs, announcedMs } = show;
  const untilMs = calledOffMs ?? doorsMs;
  const milestones: Milestone[] = [];
  const at = (atMs: number, parts: () => ReadonlyArray<Partial>): void => {
    milestones.push({ atMs, reports: () => parts().map((part) => reporter.report(part, atMs)) });
  };

  at(announcedMs, () => announcement(show, others, isFirst));
  at(onSaleMs, () => [eventUpdate(show, 'ON_SALE')]);
  const edits: number[] = [];
  for (let atMs = onSaleMs; edits.length < EDITS_MAX && shape.edits > 0;) {
    atMs = Math.floor(atMs + dice.exponential((untilMs - onSaleMs) / shape.edits));
    if (atMs >= untilMs) break;
    edits.push(atMs);
  }
  for (const atMs of edits) at(atMs, () => [edit(show, dice)]);
  if (calledOffMs !== undefined) {
    at(calledOffMs, () => [eventUpdate(show, 'CANCELLED')]);
    return milestones;
  }
  at(doorsMs, () => [eventUpdate(show, 'DOORS_OPEN')]);
  for (let atMs = doorsMs + GATE_EVERY_MS; atMs <= startMs; atMs += GATE_EVERY_MS) {
    at(atMs, () => Array.from({ length: show.gates }, (_, gate) => gateReport(show, gate)));
  }
  at(endMs, () => [eventUpdate(show, 'ENDED')]);
  return milestones;
};

interface Partial {
  readonly resource: Resource;
  readonly trigger: 'create' | 'update' | 'scan';
  readonly identifier: string;
  readonly data: JsonObject;
}

/** Numbers what it reports, so that every change has an id of its own. */
class Reporter {
  readonly #world: World;
  readonly #show: Show;
  #reported = 0;

  constructor(world: World, show: Show) {
    this.#world = world;
    this.#show = show;
  }

  report({ resource, trigger, identifier, data }: Partial, atMs: number): Report {
    this.#reported += 1;
    return reportOfEvent({
      specversion: '1.0',
      id: `show-${this.#show.id}-${this.#reported}`,
      source: this.#world.source,
      type: `${resource}.${trigger}`,
      subject: identifier,
      time: new Date(atMs).toISOString(),
      companyid: this.#show.company.id,
      datacontenttype: 'application/json',
      data,
    });
  }
}

const ofShow = ({ id }: Show): ReadonlyArray<JsonObject> => [{ resource: 'event', identifier: String(id) }];

const announcement = (show: Show, others: ReadonlyArray<Show>, isFirst: boolean): ReadonlyArray<Partial> => {
  const { name, venue, ticketTypes, products } = show;
  return [
    {
      resource: 'event',
      trigger: 'create',
      identifier: String(show.id),
      data: { ...eventData(show, 'ANNOUNCED'), venue, capacity: show.orders * 3 },
    },
    ...ticketTypes.map((type): Partial => ({
      resource: 'ticket',
      trigger: 'create',
      identifier: String(type.id),
      data: { name: type.name, event: name, price: type.cents / 100, relations: ofShow(show) },
    })),
    ...products.map((product): Partial => ({
      resource: 'product',
      trigger: 'create',
      identifier: String(product.id),
      data: { name: product.name, price: product.cents / 100, relations: ofShow(show) },
    })),
    ...shopReports(show.company, [...others, show], isFirst),
  ];
};

/** A shop belongs to what it sells: its relations follow the shows. */
const shopReports = (
  { shops }: Company,
  selling: ReadonlyArray<Show>,
  isFirst: boolean,
): ReadonlyArray<Partial> =>
  shops.map(({ id, name }) => ({
    resource: 'shop',
    trigger: isFirst ? 'create' : 'update',
    identifier: String(id),
    data: { name, relations: selling.flatMap(ofShow) },
  }));

const eventData = ({ name, startMs, endMs }: Show, status: string): JsonObject => ({
  name,
  startDate: new Date(startMs).toISOString(),
  endDate: new Date(endMs).toISOString(),
  status,
});

const eventUpdate = (show: Show, status: string): Partial => ({
  resource: 'event',
  trigger: 'update',
  identifier: String(show.id),
  data: eventData(show, status),
});

const edit = (show: Show, dice: Dice): Partial => {
  const [type, product] = [dice.pick(show.ticketTypes), show.products.at(dice.bits() % 8)];
  if (dice.chance(0.3)) return eventUpdate(show, 'ON_SALE');
  if (product !== undefined && dice.chance(0.3)) {
    const data = { name: product.name, price: product.cents / 100, stock: dice.between(0, 400) };
    return { resource: 'product', trigger: 'update', identifier: String(product.id), data };
  }
  const data = {
    name: type.name,
    event: show.name,
    price: type.cents / 100,
    left: dice.between(0, show.orders),
  };
  return { resource: 'ticket', trigger: 'update', identifier: String(type.id), data };
};

const gateReport = (show: Show, gate: number): Partial => ({
  resource: 'scanner',
  trigger: 'scan',
  identifier: `${show.id}-gate-${gate + 1}`,
  data: { name: `Gate ${gate + 1}`, event: show.name, relations: ofShow(show) },
});
