import { openSecretBox, type SecretBox } from '../../src/adapters/secret-box.ts';
import type { RecordedEvent } from '../../src/eventstore/event-store.ts';
import { passes } from '../../src/eventstore/batch.ts';
import { Auditor } from './auditor/auditor.ts';
import { ExpectedCounts } from './auditor/projections.ts';
import type { Bug } from './bugs/bug.ts';
import { Chance } from './chance.ts';
import type { Leftover } from './leftover.ts';
import { Marks } from './marks.ts';
import { type Journey, Network } from './network.ts';
import { DEFAULT_RETRY_BASE_MS, START_MS, TIMEOUT_MS } from './node.ts';
import { DRIFT_MAX, type Options } from './plan/options.ts';
import { Scheduler } from './scheduler.ts';
import { type Disk, memoryDisk } from './store/disk.ts';
import { sqliteDisk } from './store/sqlite-disk.ts';
import { noStoreFaults, type StoreFaults } from './store/store-faults.ts';
import { Trace } from './trace.ts';

const GAP_MAX = 900;

/** What all parts of one run share: virtual time, chance, what outlives processes, and the auditor. */
export class Sim {
  readonly options: Options;
  readonly bug: Bug | undefined;
  readonly scheduler: Scheduler;
  readonly marks = new Marks();
  readonly auditor: Auditor;
  readonly disk: Disk;
  readonly network: Network;
  readonly storeFaults: StoreFaults = noStoreFaults();
  readonly box: SecretBox;
  readonly ids: Chance;
  readonly storeChance: Chance;
  readonly networkChance: Chance;
  readonly clockChance: Chance;
  /** Called after anything was stored. */
  readonly news = new Set<() => void>();
  readonly noJourney: Journey = { seen: () => undefined, ended: () => undefined };
  /** Virtual events so far. */
  steps = 0;
  isHealed = false;
  readonly #trace: Trace;
  readonly #expected = new Map<Leftover, ExpectedCounts>();
  #processes = 0;

  constructor(options: Options, bug: Bug | undefined, onLine?: (line: string) => void) {
    this.options = options;
    this.bug = bug;
    this.#trace = new Trace(onLine);
    this.scheduler = new Scheduler(this.chance('scheduler'));
    this.ids = this.chance('ids');
    this.storeChance = this.chance('store');
    this.networkChance = this.chance('network');
    this.clockChance = this.chance('clock');
    this.box = openSecretBox('the master secret of a simulation', this.chance('secrets'));
    this.network = new Network(options.faults.includes('network') ? options.networkRate : 0);
    const dense = options.store !== 'remote';
    const clocksAreRight = !options.faults.includes('clock');
    this.auditor = new Auditor({
      nowMs: () => this.scheduler.nowMs,
      mark: (name) => this.marks.add(name),
      openSecret: (sealed) => this.box.open(sealed),
      dense,
      timeoutMs: TIMEOUT_MS,
      defaultRetryBaseMs: DEFAULT_RETRY_BASE_MS,
      leaseMs: options.cluster?.leaseMs ?? 0,
      driftMax: options.faults.includes('drift') ? DRIFT_MAX : 0,
      trueWallMs: () => (clocksAreRight ? START_MS + this.scheduler.nowMs : undefined),
      onViolation: ({ invariant, message }) => this.trace(`VIOLATION ${invariant} ${message}`),
    });
    const crashes = this.chance('crash');
    const gaps = this.chance('positions');
    const onStored = (events: ReadonlyArray<RecordedEvent>): void => {
      this.auditor.stored(events);
      for (const listener of [...this.news]) listener();
    };
    this.disk =
      options.store === 'sqlite'
        ? sqliteDisk({
            chance: crashes,
            mark: (name) => this.marks.add(name),
            onStored,
            onDamage: (message) => this.auditor.complain('S14', `after a power cut: ${message}`),
          })
        : memoryDisk({
            ...(!dense && { following: (position: number) => position + gaps.between(1, GAP_MAX) }),
            plain: options.plainEvents,
            survives: () => {
              const kept = crashes.chance(0.5);
              this.marks.add(kept ? 'group_kept' : 'group_lost');
              return kept;
            },
            onStored,
          });
  }

  /** Of appends to a shared store whose outcome is not answered. */
  get unknownRate(): number {
    const { faults, unknownRate } = this.options;
    return !this.isHealed && faults.includes('unknown_outcomes') ? unknownRate : 0;
  }

  chance(purpose: string): Chance {
    return new Chance(this.options.seed, purpose);
  }

  nextProcess(): number {
    this.#processes += 1;
    return this.#processes;
  }

  get processes(): number {
    return this.#processes;
  }

  trace(text: string): void {
    this.#trace.line(this.scheduler.nowMs, text);
  }

  get lastLines(): ReadonlyArray<string> {
    return this.#trace.last();
  }

  traceDigest(): string {
    return this.#trace.digest();
  }

  /** A subscription was handed these: they have to be all that the log holds in between. */
  handed(
    after: number,
    events: ReadonlyArray<RecordedEvent>,
    upTo: number,
    prefixes: ReadonlyArray<string> | undefined,
  ): void {
    const limit = events.length + 16;
    let index = 0;
    for (let from = after; from < upTo;) {
      const page = this.disk.readAll({ after: from, limit });
      for (const { position, stream } of page.events) {
        if (position > upTo) break;
        if (!passes(stream, prefixes)) continue;
        if (events[index]?.position !== position) {
          return this.auditor.complain(
            'S14',
            `a reader is handed ${events[index]?.position ?? 'nothing'} instead of ${position}`,
          );
        }
        index += 1;
      }
      if (page.atEnd) break;
      from = page.next;
    }
    if (index !== events.length)
      this.auditor.complain('S14', `a reader is handed ${events.length - index} events too many`);
  }

  /** Read models have taken a step: they have to equal the fold up to there. */
  projected(leftover: Leftover): void {
    const expected = this.#expected.get(leftover) ?? new ExpectedCounts(this.auditor.deliveries);
    this.#expected.set(leftover, expected);
    const difference = expected.differenceAt(leftover.models);
    if (difference !== undefined) this.auditor.complain('S13', difference);
  }
}
