/** Which part of the work is this process's: all of it, unless several nodes share the store. */
export interface Territory {
  /** Stands in the attempts that it starts; undefined where it is alone. */
  readonly node: string | undefined;
  /** Whether attempts may start now at endpoints of a partition. */
  mayAttempt(partition: number): boolean;
  /** Whether any attempt may start now. False while its lease has run out: others may have taken over. */
  readonly isHeld: boolean;
}

/** Of a process that has the store for itself. */
export const WHOLE_TERRITORY: Territory = { node: undefined, mayAttempt: () => true, isHeld: true };
