import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { explainSelection } from '../domain/explain.ts';
import { Lru } from '../domain/lru.ts';
import type { ResourceRef } from '../domain/resources.ts';
import type { Rules } from '../domain/rules.ts';
import type { SavedChange } from '../domain/system-events.ts';
import type { Selection } from '../domain/webhook.ts';
import type { EventStore, Position, ReadFailure } from '../eventstore/event-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { ReadModels } from '../projections/read-models.ts';
import { readChange } from './read-change.ts';

export const PREVIEW_MS = 7 * 24 * 60 * 60 * 1000;

/** Changes that one preview looks at: the newest. Of busy companies they do not reach back a week, and it says so. */
export const PREVIEW_CHANGES_MAX = 500;
const READ_TOGETHER_MAX = 20;
/** While somebody fills in a form, the same changes are asked for again and again. */
const SAMPLE_KEPT_MS = 10_000;
const SAMPLES_KEPT_MAX = 20;
const EXAMPLES_MAX = 3;

interface Deps {
  readonly readModels: Pick<ReadModels, 'changesOf' | 'belongsTo'>;
  readonly store: Pick<EventStore, 'readStream'>;
  readonly rules: Rules;
  readonly clock: Pick<Clock, 'nowMs'>;
}

interface Sampled extends SavedChange {
  readonly guid: string;
  readonly position: Position;
  readonly atMs: number;
}

interface Sample {
  readonly takenAtMs: number;
  readonly changes: ReadonlyArray<Sampled>;
  /** Whether these are all of the last seven days. */
  readonly whole: boolean;
}

export interface SelectionPreview {
  /** How many of the changes looked at a webhook with this selection would have been told of. */
  readonly fired: number;
  readonly lookedAt: number;
  readonly whole: boolean;
  /** The oldest change looked at; null when there was none. */
  readonly sinceMs: number | null;
  readonly examples: ReadonlyArray<{
    readonly change: string;
    readonly atMs: number;
    readonly path: ReadonlyArray<ResourceRef>;
  }>;
}

/** How often a webhook that does not exist yet would have fired in the last seven days, had it been there. */
export class SelectionPreviews {
  readonly #deps: Deps;
  readonly #samples = new Lru<string, Sample>(SAMPLES_KEPT_MAX);

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async of(companyId: string, selection: Selection): Promise<Either<ReadFailure, SelectionPreview>> {
    const sample = await this.#sample(companyId);
    if (isLeft(sample)) return sample;
    const { rules, readModels } = this.#deps;
    const { changes, whole } = sample.right;
    const examples: Array<SelectionPreview['examples'][number]> = [];
    let fired = 0;
    for (const change of changes) {
      const belongsTo = (ref: ResourceRef) => readModels.belongsTo(companyId, change.position, ref);
      const { matches, path } = explainSelection(rules, change, belongsTo, selection);
      if (!matches) continue;
      fired += 1;
      if (examples.length < EXAMPLES_MAX) examples.push({ change: change.guid, atMs: change.atMs, path });
    }
    const sinceMs = changes.at(-1)?.atMs ?? null;
    return right({ fired, lookedAt: changes.length, whole, sinceMs, examples });
  }

  async #sample(companyId: string): Promise<Either<ReadFailure, Sample>> {
    const takenAtMs = this.#deps.clock.nowMs();
    const known = this.#samples.get(companyId);
    if (known !== undefined && takenAtMs - known.takenAtMs < SAMPLE_KEPT_MS) return right(known);
    const rows = this.#deps.readModels.changesOf(companyId, undefined, PREVIEW_CHANGES_MAX + 1);
    const changes: Sampled[] = [];
    let older = false;
    for (
      let done = 0;
      done < Math.min(rows.length, PREVIEW_CHANGES_MAX) && !older;
      done += READ_TOGETHER_MAX
    ) {
      const some = rows.slice(done, Math.min(done + READ_TOGETHER_MAX, PREVIEW_CHANGES_MAX));
      for (const read of await Promise.all(some.map((row) => readChange(this.#deps.store, row)))) {
        if (isLeft(read)) return read;
        const { id, event, position } = read.right;
        if (event.atMs < takenAtMs - PREVIEW_MS) {
          older = true;
          continue;
        }
        const { type, resource, identifier, triggers, atMs } = event;
        changes.push({ guid: id, position, atMs, type, ref: { resource, identifier }, triggers });
      }
    }
    const sample = { takenAtMs, changes, whole: older || rows.length <= PREVIEW_CHANGES_MAX };
    this.#samples.set(companyId, sample);
    return right(sample);
  }
}
