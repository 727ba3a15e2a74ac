/**
 * What is still to come, in the order of time: a heap over columns of numbers. A million entries take some 40 MB, where
 * as many objects would take several times that, and nothing of it is for the garbage collector to look at.
 */

export interface Entry {
  readonly atMs: number;
  readonly show: number;
  /** Of an order; {@link OF_SHOW} for what concerns the show itself. */
  readonly order: number;
  readonly step: number;
  readonly soldAtMs: number;
}

export const OF_SHOW = 0xffff_ffff;

const FIRST_CAPACITY = 1024;

interface Columns {
  readonly atMs: Float64Array;
  readonly soldAtMs: Float64Array;
  readonly show: Uint32Array;
  readonly order: Uint32Array;
  readonly step: Uint16Array;
  /** Places of entries as a binary heap; behind its end the free ones. */
  readonly heap: Uint32Array;
}

const columnsOf = (capacity: number): Columns => ({
  atMs: new Float64Array(capacity),
  soldAtMs: new Float64Array(capacity),
  show: new Uint32Array(capacity),
  order: new Uint32Array(capacity),
  step: new Uint16Array(capacity),
  heap: Uint32Array.from({ length: capacity }, (_, place) => place),
});

export class Agenda {
  #columns = columnsOf(FIRST_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add({ atMs, show, order, step, soldAtMs }: Entry): void {
    if (this.#size === this.#columns.heap.length) this.#grow();
    const columns = this.#columns;
    const place = columns.heap[this.#size] as number;
    columns.atMs[place] = atMs;
    columns.soldAtMs[place] = soldAtMs;
    columns.show[place] = show;
    columns.order[place] = order;
    columns.step[place] = step;
    this.#up(this.#size);
    this.#size += 1;
  }

  /** The earliest; at the same time the lower show, then the lower order, then the lower step. Undefined when empty. */
  take(): Entry | undefined {
    if (this.#size === 0) return undefined;
    const { heap, atMs, soldAtMs, show, order, step } = this.#columns;
    const place = heap[0] as number;
    this.#size -= 1;
    heap[0] = heap[this.#size] as number;
    heap[this.#size] = place;
    if (this.#size > 0) this.#down();
    return {
      atMs: atMs[place] as number,
      show: show[place] as number,
      order: order[place] as number,
      step: step[place] as number,
      soldAtMs: soldAtMs[place] as number,
    };
  }

  #before(a: number, b: number): boolean {
    const { atMs, show, order, step } = this.#columns;
    const byTime = (atMs[a] as number) - (atMs[b] as number);
    if (byTime !== 0) return byTime < 0;
    const byShow = (show[a] as number) - (show[b] as number);
    if (byShow !== 0) return byShow < 0;
    const byOrder = (order[a] as number) - (order[b] as number);
    return byOrder !== 0 ? byOrder < 0 : (step[a] as number) < (step[b] as number);
  }

  #up(from: number): void {
    const { heap } = this.#columns;
    const place = heap[from] as number;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as number;
      if (!this.#before(place, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = place;
  }

  #down(): void {
    const { heap } = this.#columns;
    const place = heap[0] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      const right = child + 1;
      if (right < this.#size && this.#before(heap[right] as number, heap[child] as number)) child = right;
      const below = heap[child] as number;
      if (!this.#before(below, place)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = place;
  }

  #grow(): void {
    const before = this.#columns;
    const grown = columnsOf(before.heap.length * 2);
    for (const name of Object.keys(before) as Array<keyof Columns>) grown[name].set(before[name]);
    this.#columns = grown;
  }
}
