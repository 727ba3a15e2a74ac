import { type Either, isRight, left, right } from 'fp-ts/lib/Either.js';
import { expect } from 'vitest';

/** An aggregate as its tests see it. */
export interface Decider<State, Command, Event, Rejection> {
  readonly initial: State;
  readonly evolve: (state: State, event: Event) => State;
  readonly decide: (state: State, command: Command) => Either<Rejection, ReadonlyArray<Event>>;
}

/** Freezes all the way down: a fold or a decision that writes into what it was given throws. */
export const frozen = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
};

export const fold = <S, C, E, R>(decider: Decider<S, C, E, R>, events: ReadonlyArray<E>): S =>
  events.reduce((state, event) => frozen(decider.evolve(state, frozen(event))), frozen(decider.initial));

/** What the command decides in this state; a rejection decides nothing. */
export const decided = <S, C, E, R>(decider: Decider<S, C, E, R>, state: S, command: C): ReadonlyArray<E> => {
  const decision = decider.decide(state, frozen(command));
  return isRight(decision) ? decision.right : [];
};

/** `given(...events).when(command)`, then one of `decides`, `decidesNothing` and `refuses`. */
export const specificationOf = <S, C, E, R>(decider: Decider<S, C, E, R>) => ({
  given: (...events: ReadonlyArray<E>) => ({
    when: (command: C) => {
      const decision = decider.decide(fold(decider, events), frozen(command));
      return {
        decides: (...expected: ReadonlyArray<E>) => expect(decision).toStrictEqual(right(expected)),
        decidesNothing: () => expect(decision).toStrictEqual(right([])),
        refuses: (rejection: R) => expect(decision).toStrictEqual(left(rejection)),
      };
    },
  }),
});
