import { streamOf } from '../domain/ids.ts';
import type { InvocationScheduled } from '../domain/invocation.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Position } from '../eventstore/event-store.ts';
import type { InvocationLog } from '../projections/read-models.ts';
import type { Territory } from './territory.ts';

export interface SettlementDeps {
  readonly known: Pick<InvocationLog, 'invocation'>;
  readonly territory: Pick<Territory, 'node'>;
  /** The read models are to show it soon. */
  readonly showSoon: (position: Position) => void;
  /** Whether an invocation is in the hands of this process. */
  readonly isHeld: (guid: string) => boolean;
}

/** Where invocations are ordered, another one may be due when one has settled: once the read models show that. */
export class Settlements {
  readonly #deps: SettlementDeps;
  /** Ordered webhooks where something was settled here, at this place in the log. */
  #unshown: Array<{ readonly webhook: string; readonly position: Position }> = [];

  constructor(deps: SettlementDeps) {
    this.#deps = deps;
  }

  /** Recorded here, and not shown yet. */
  recorded({ webhook, ordering }: InvocationScheduled, position: Position): void {
    if (ordering !== 'per_resource') return;
    this.#unshown.push({ webhook, position });
    this.#deps.showSoon(position);
  }

  /** The read models show everything up to `position`; `events` are the newest of that. Answers where to look. */
  shown(events: ReadonlyArray<Decoded>, position: Position): ReadonlySet<string> {
    const settledIn = new Set<string>();
    for (const decoded of events) {
      if (!this.#isSettledByOthers(decoded)) continue;
      const row = this.#deps.known.invocation(guidOf(decoded.stream));
      if (row !== undefined) settledIn.add(row.webhook);
    }
    for (const one of this.#unshown) if (one.position <= position) settledIn.add(one.webhook);
    this.#unshown = this.#unshown.filter((later) => later.position > position);
    return settledIn;
  }

  /** By a reaction, or as an attempt of another node. */
  #isSettledByOthers({ event, stream }: Decoded): boolean {
    if (event.type === 'InvocationCancelled' || event.type === 'InvocationSuperseded') return true;
    if (event.type !== 'InvocationDelivered' && event.type !== 'InvocationExhausted') return false;
    return this.#deps.territory.node !== undefined && !this.#deps.isHeld(guidOf(stream));
  }
}

const INVOCATION_PREFIX = streamOf.invocation('');

const guidOf = (stream: string): string => stream.slice(INVOCATION_PREFIX.length);
