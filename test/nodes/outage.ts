/** A node that left its work to the others, willingly or not, and when. Times since the epoch. */
export interface Outage {
  readonly kind: 'killed' | 'stopped' | 'cut off' | 'ended';
  /** As the cluster knew it. */
  readonly node: string;
  readonly fromMs: number;
  /** When it could work again: nothing is measured after that. */
  readonly untilMs: number;
  /** Endpoints that were its own. */
  readonly urls: ReadonlyArray<string>;
  /** Of a graceful end: how long the process took. */
  readonly exitMs?: number;
}
