/** A promise that was not kept. The first one ends the run. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export function promised(kept: boolean, otherwise: () => string): asserts kept {
  if (!kept) throw new Violation(otherwise());
}
