/** Counts of what a run came through: a run that never meets a rare state proves nothing of it. */
export class Marks {
  readonly counts = new Map<string, number>();

  add(name: string, times = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + times);
  }
}
