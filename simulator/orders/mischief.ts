import type { Json, JsonObject } from '../../src/domain/json.ts';
import { Dice } from '../dice.ts';
import { type CloudEvent, cloudEventOf, type Report, reportOfEvent } from './cloud-event.ts';
import { DICE, type World } from './world.ts';

/** What goes wrong between a platform and whoever it reports to. */
export const MISCHIEF = {
  repeated: 'the same report again, word for word',
  renumbered: 'the same content again under another id',
  late: 'a report that comes after hundreds of others',
  swapped: 'two reports of one order in the wrong order',
  contradicting: 'a report that cannot be: unknown tickets, wrong sums, missing money, another order',
} as const;

export type MischiefKind = keyof typeof MISCHIEF;
const KINDS = Object.keys(MISCHIEF) as ReadonlyArray<MischiefKind>;

const LATE_BY_MAX = 400;
const REPEATED_AFTER_MAX = 50;
/** Reports that wait for the next one of their order; beyond that the first is let go. */
const HELD_MAX = 1_000;

/** A stream with mischief in a share of its reports of orders. Nothing is lost: what is held back comes in the end. */
export class Mischief implements Iterable<Report> {
  /** What has been done so far. */
  readonly counts: Record<MischiefKind, number> = {
    repeated: 0,
    renumbered: 0,
    late: 0,
    swapped: 0,
    contradicting: 0,
  };
  readonly #reports: Iterable<Report>;
  readonly #share: number;
  readonly #dice: Dice;
  /** By the number of reports after which they are due. */
  readonly #due = new Map<number, Report[]>();
  readonly #held = new Map<string, Report>();
  #seen = 0;

  constructor(world: World, reports: Iterable<Report>, share: number) {
    this.#reports = reports;
    this.#share = share;
    this.#dice = new Dice(...world.roots, DICE.mischief);
  }

  *[Symbol.iterator](): Generator<Report> {
    for (const report of this.#reports) {
      this.#seen += 1;
      yield* this.#through(report);
      const due = this.#due.get(this.#seen);
      if (due !== undefined) yield* due;
      this.#due.delete(this.#seen);
    }
    yield* this.#held.values();
    for (const after of [...this.#due.keys()].sort((a, b) => a - b)) yield* this.#due.get(after) ?? [];
  }

  *#through(report: Report): Generator<Report> {
    const key = `${report.companyId} ${report.subject}`;
    const held = this.#held.get(key);
    if (held !== undefined) {
      this.#held.delete(key);
      this.counts.swapped += 1;
      yield report;
      yield held;
      return;
    }
    if (!report.type.startsWith('order.') || !this.#dice.chance(this.#share)) {
      yield report;
      return;
    }
    const kind = this.#dice.pick(KINDS);
    if (kind !== 'swapped') this.counts[kind] += 1;
    switch (kind) {
      case 'repeated':
        yield report;
        this.#later(report, REPEATED_AFTER_MAX);
        return;
      case 'renumbered':
        yield report;
        this.#later(
          changed(report, 'again', (event) => event),
          REPEATED_AFTER_MAX,
        );
        return;
      case 'late':
        this.#later(report, LATE_BY_MAX);
        return;
      case 'swapped':
        yield* this.#hold(key, report);
        return;
      case 'contradicting': {
        const odd = changed(report, 'odd', (event) => ({ ...event, data: absurd(event.data, this.#dice) }));
        yield* this.#dice.chance(0.5) ? [report, odd] : [odd, report];
      }
    }
  }

  #later(report: Report, afterMax: number): void {
    const after = this.#seen + this.#dice.between(1, afterMax);
    const due = this.#due.get(after);
    if (due === undefined) this.#due.set(after, [report]);
    else due.push(report);
  }

  /** Until the next report of the same order; what has waited longest makes room. */
  *#hold(key: string, report: Report): Generator<Report> {
    this.#held.set(key, report);
    if (this.#held.size <= HELD_MAX) return;
    const [longest] = this.#held;
    if (longest === undefined) return;
    this.#held.delete(longest[0]);
    this.counts.late += 1;
    yield longest[1];
  }
}

const changed = (report: Report, suffix: string, change: (event: CloudEvent) => CloudEvent): Report => {
  const event = cloudEventOf(report);
  return reportOfEvent(change({ ...event, id: `${event.id}-${suffix}` }));
};

/** An order's data with something in it that cannot be. */
const absurd = (data: JsonObject, dice: Dice): JsonObject => {
  const ticketWith = (change: (ticket: JsonObject) => JsonObject): JsonObject => ({
    ...data,
    tickets: { items: itemsIn(data['tickets']).map((ticket, at) => (at === 0 ? change(ticket) : ticket)) },
  });
  return dice.pick([
    () => ({ ...data, id: Number(data['id']) + 1 }),
    () => ticketWith((ticket) => ({ ...ticket, id: 7, barcode: 'NEVER SOLD' })),
    () => ticketWith((ticket) => ({ ...ticket, totalCost: Number(ticket['totalCost']) + 1 })),
    () => ticketWith((ticket) => ({ ...ticket, discount: -5 })),
    () => ({ ...data, tickets: { items: [...itemsIn(data['tickets']), ...itemsIn(data['tickets'])] } }),
    () => ({ ...data, transactions: { items: [{ id: 7, type: 'LOAN', status: 'SUCCESS' }] } }),
    () => ticketWith((ticket) => ({ ...ticket, barcode: 'OF ANOTHER TICKET' })),
  ])();
};

const itemsIn = (list: Json | undefined): ReadonlyArray<JsonObject> =>
  (list as { readonly items: ReadonlyArray<JsonObject> } | undefined)?.items ?? [];
