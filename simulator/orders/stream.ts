import { Dice } from '../dice.ts';
import { Agenda, OF_SHOW } from './agenda.ts';
import type { Report } from './cloud-event.ts';
import { salesCurve, SaleTimes } from './demand.ts';
import { lifeOf } from './life.ts';
import { type Milestone, programmeOf } from './programme.ts';
import { reportOf } from './reports.ts';
import { DICE, type Show, showOf, type World } from './world.ts';

/** Steps of an entry that concerns a show. */
const MILESTONE = 0;
const SALE = 1;

/** A show that is told of at the moment. */
interface Running {
  readonly show: Show;
  readonly programme: ReadonlyArray<Milestone>;
  milestonesTold: number;
  sold: number;
  /** Undefined once sales have ended. */
  sales: SaleTimes | undefined;
  /** Entries of the agenda. */
  open: number;
}

/**
 * All reports of a world in the order of time, until so many orders are sold and all that follows from them is told. A
 * stream with fewer orders begins like one with more: the same sales, at the same times. It can be read once.
 */
export class OrderStream implements Iterable<Report> {
  readonly #world: World;
  readonly #agenda = new Agenda();
  readonly #running = new Map<number, Running>();
  readonly #lifeDice = new Dice();
  readonly #companiesSeen = new Set<string>();
  readonly #orders: number;
  #sold = 0;
  #told = 0;

  constructor(world: World, orders: number) {
    this.#world = world;
    this.#orders = orders;
  }

  get sold(): number {
    return this.#sold;
  }

  /** How much of it is told, from 0 to 1: an estimate while orders are still being sold. */
  get share(): number {
    const toCome = this.#agenda.size + (this.#orders - this.#sold) * REPORTS_PER_ORDER;
    return this.#told / Math.max(1, this.#told + toCome);
  }

  *[Symbol.iterator](): Generator<Report> {
    for (const report of this.#reports()) {
      this.#told += 1;
      yield report;
    }
  }

  *#reports(): Generator<Report> {
    let announced = this.#prepare(0);
    for (let entry = this.#agenda.take(); entry !== undefined; entry = this.#agenda.take()) {
      const { show: number, order, step, atMs, soldAtMs } = entry;
      const running = this.#running.get(number) as Running;
      if (order !== OF_SHOW) {
        yield this.#follow(running, order, soldAtMs, step);
      } else if (step === SALE) {
        if (this.#sold < this.#orders) yield this.#sell(running, atMs);
      } else {
        if (running.milestonesTold === 0 && this.#sold < this.#orders)
          announced = this.#prepare(announced + 1);
        yield* this.#tell(running);
      }
      running.open -= 1;
      if (running.open === 0) this.#running.delete(number);
    }
  }

  /** Answers the number of the show. */
  #prepare(number: number): number {
    const show = showOf(this.#world, number);
    const { id } = show.company;
    const programme = programmeOf(this.#world, show, this.#sellingFor(show), !this.#companiesSeen.has(id));
    this.#companiesSeen.add(id);
    const running: Running = { show, programme, milestonesTold: 0, sold: 0, sales: undefined, open: 0 };
    this.#running.set(number, running);
    this.#enter(running, show.announcedMs, MILESTONE);
    return number;
  }

  /** The newest shows that the company sells already. */
  #sellingFor({ company }: Show): ReadonlyArray<Show> {
    const selling: Show[] = [];
    for (const { show } of this.#running.values()) if (show.company.id === company.id) selling.push(show);
    return selling.slice(-SHOWS_PER_SHOP_MAX);
  }

  #enter(running: Running, atMs: number, step: number): void {
    running.open += 1;
    this.#agenda.add({ atMs, show: running.show.number, order: OF_SHOW, step, soldAtMs: 0 });
  }

  *#tell(running: Running): Generator<Report> {
    const { show, programme } = running;
    // Once everything is sold, what comes of shows without a visitor is nobody's business.
    if (this.#sold === this.#orders && running.sold === 0) return;
    const milestone = programme[running.milestonesTold] as Milestone;
    yield* milestone.reports();
    if (running.milestonesTold === 0) {
      const curve = salesCurve(this.#world.shape, show.onSaleMs, show.startMs);
      const dice = new Dice(...this.#world.roots, DICE.sales, show.number);
      running.sales = new SaleTimes(curve, show.orders, dice);
      this.#enterNextSale(running);
    }
    running.milestonesTold += 1;
    const next = programme[running.milestonesTold];
    if (next !== undefined) this.#enter(running, next.atMs, MILESTONE);
  }

  #enterNextSale(running: Running): void {
    const atMs = running.sales?.next();
    if (atMs === undefined || atMs >= (running.show.calledOffMs ?? Infinity)) running.sales = undefined;
    else this.#enter(running, atMs, SALE);
  }

  #sell(running: Running, atMs: number): Report {
    this.#sold += 1;
    running.sold += 1;
    this.#enterNextSale(running);
    return this.#follow(running, this.#sold, atMs, 0);
  }

  /** Reports one step of an order's life, and enters the next. */
  #follow(running: Running, order: number, soldAtMs: number, step: number): Report {
    const life = lifeOf(this.#world, running.show, order, soldAtMs, this.#lifeDice);
    const next = life.steps[step + 1];
    if (next !== undefined) {
      running.open += 1;
      const show = running.show.number;
      this.#agenda.add({ atMs: next.atMs, show, order, step: step + 1, soldAtMs });
    }
    return reportOf(this.#world, life, step);
  }
}

const SHOWS_PER_SHOP_MAX = 20;
/** Roughly, in all presets. */
const REPORTS_PER_ORDER = 2;
