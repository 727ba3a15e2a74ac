/** A promise that was not kept. The first one ends the run. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** What was caught, as an error to throw on. */
export const asError = (caught: unknown): Error =>
  caught instanceof Error ? caught : new Error(String(caught));

export function promised(kept: boolean, otherwise: () => string): asserts kept {
  if (!kept) throw new Violation(otherwise());
}
