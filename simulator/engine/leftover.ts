import type { RecordedEvent } from '../../src/eventstore/event-store.ts';
import { decodeAll } from '../../src/projections/projector.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import type { Chance } from './chance.ts';
import type { Disk } from './store/disk.ts';

/** How far the read models were at one moment: any of these may be what the disk holds after a crash. */
interface Reach {
  readonly routing: number;
  readonly log: number;
  readonly handled: number;
}

const NOTHING: Reach = { routing: 0, log: 0, handled: 0 };
const KEPT_MAX = 4_000;

/**
 * The read models of one node. Their transactions reach the disk many at a time, so a crash takes them back to any
 * earlier moment: rows, checkpoints and what is handled together. They are then built anew up to there.
 */
export class Leftover {
  readonly #disk: Disk;
  readonly #chance: Chance;
  #models: ReadModels = openReadModels({ path: ':memory:' });
  #reaches: Reach[] = [NOTHING];
  /** Events that a planted bug has taken from the tables, though not from the checkpoint. */
  lost = 0;

  constructor(disk: Disk, chance: Chance) {
    this.#disk = disk;
    this.#chance = chance;
  }

  get models(): ReadModels {
    return this.#models;
  }

  note(): void {
    const { routing, log } = {
      routing: this.#models.checkpoint('routing'),
      log: this.#models.checkpoint('log'),
    };
    if (this.#reaches.length >= KEPT_MAX) this.#reaches = this.#reaches.filter((_, index) => index % 2 === 0);
    this.#reaches.push({ routing, log, handled: this.#models.handledUpTo() });
  }

  /** They were closed: all is on disk. */
  closed(): void {
    this.#reaches = this.#reaches.slice(-1);
  }

  /** Answers what was found: as it was, taken back, or nothing. */
  crash(): 'kept' | 'taken_back' | 'empty' {
    const dice = this.#chance.next();
    const reach =
      dice < 0.5 ? this.#reaches.at(-1) : dice < 0.75 ? this.#chance.pick(this.#reaches) : this.#reaches[0];
    if (reach === undefined || reach === this.#reaches.at(-1)) {
      this.#reaches = this.#reaches.slice(-1);
      return 'kept';
    }
    this.#models.close();
    this.#models = openReadModels({ path: ':memory:' });
    this.#reaches = [NOTHING];
    if (reach.routing === 0) return 'empty';
    const events = this.#eventsUpTo(reach.routing);
    const decoded = decodeAll(events);
    this.#models.apply('routing', decoded, reach.routing);
    const shown = decoded.filter(({ position }) => position <= reach.log);
    this.#models.apply('log', this.lost > 0 ? shown.slice(0, -this.lost) : shown, reach.log);
    this.#models.recordFannedOut(reach.handled);
    this.#reaches = [reach];
    return 'taken_back';
  }

  close(): void {
    this.#models.close();
  }

  #eventsUpTo(position: number): ReadonlyArray<RecordedEvent> {
    const page = this.#disk.readAll({ after: 0, limit: 1_000_000_000 });
    return page.events.filter((event) => event.position <= position);
  }
}
