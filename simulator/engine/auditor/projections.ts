import type { ReadModels } from '../../../src/projections/read-models.ts';
import type { Deliveries } from './deliveries.ts';

const STATUSES = ['waiting', 'in_flight', 'delivered', 'exhausted', 'cancelled', 'superseded'] as const;

/** The counts that the read models have to show at their checkpoint, from the auditor's own fold. */
export class ExpectedCounts {
  readonly #deliveries: Deliveries;
  readonly #counts = new Map<string, number>();
  #index = 0;
  #position = 0;

  constructor(deliveries: Deliveries) {
    this.#deliveries = deliveries;
  }

  /** Undefined, or how they differ. */
  differenceAt(models: ReadModels): string | undefined {
    const upTo = models.checkpoint('log');
    if (upTo < this.#position) {
      // They were taken back by a crash.
      this.#counts.clear();
      this.#index = 0;
    }
    this.#position = upTo;
    const { changes } = this.#deliveries;
    for (let change = changes[this.#index]; change !== undefined && change.position <= upTo;) {
      if (change.from !== undefined) this.#add(change.from, -1);
      this.#add(change.to, 1);
      this.#index += 1;
      change = changes[this.#index];
    }
    const shown = models.counts();
    const different = STATUSES.filter((status) => shown[status] !== (this.#counts.get(status) ?? 0));
    if (different.length === 0) return undefined;
    const parts = different.map(
      (status) => `${status} ${shown[status]} instead of ${this.#counts.get(status) ?? 0}`,
    );
    return `at position ${upTo} the read models count ${parts.join(', ')}`;
  }

  #add(state: string, by: number): void {
    // Between the two events of one append, as partners read it.
    const status = state === 'failed_last' ? 'exhausted' : state;
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + by);
  }
}

/** Every row against the fold: newest first, of each company, as the API lists them. */
export const rowsDiffer = (
  models: ReadModels,
  deliveries: Deliveries,
  company: string,
): string | undefined => {
  const upTo = models.checkpoint('log');
  const expected = deliveries.inOrder.filter(
    ({ webhook, position }) => webhook.company === company && position <= upTo,
  );
  expected.sort((a, b) => b.position - a.position);
  const rows = models.invocations({ companyId: company }, undefined, expected.length + 1);
  if (rows.length !== expected.length)
    return `${rows.length} invocations are listed instead of ${expected.length}`;
  for (const [index, row] of rows.entries()) {
    const { guid, status, webhook } = expected[index] ?? {};
    if (row.guid !== guid) return `${row.guid} is listed where ${guid ?? 'nothing'} should be`;
    if (row.companyId !== company) return `${row.guid} of company ${row.companyId} is shown to ${company}`;
    if (row.status !== status || row.webhook !== webhook?.guid)
      return `${row.guid} is ${row.status} instead of ${status ?? ''}`;
  }
  return undefined;
};
