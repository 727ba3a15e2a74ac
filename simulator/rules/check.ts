import fc from 'fast-check';
import type { Rules } from '../../src/domain/rules.ts';
import { engine } from './engine.ts';
import { picture } from './picture.ts';
import { smallest } from './smallest.ts';
import { asProperty, PROPERTIES, type RuleProperty, type Trial, type Violation } from './properties.ts';
import type { Subject } from './subject.ts';
import { anyRules, type WorldOptions, worlds } from './worlds.ts';

/** Trials under the given rules; without them, each under rules of its own. */
export const trials = (rules?: Rules, options: WorldOptions = {}): fc.Arbitrary<Trial> => {
  const under = (given: Rules): fc.Arbitrary<Trial> =>
    fc.record({ rules: fc.constant(given), world: worlds(given, options), pick: fc.nat({ max: 999 }) });
  return rules === undefined ? anyRules().chain(under) : under(rules);
};

export interface CheckOptions {
  /** Absent: every trial has rules of its own. */
  readonly rules?: Rules;
  readonly subject?: Subject;
  readonly properties?: ReadonlyArray<RuleProperty>;
  readonly runs?: number;
  /** The same seed gives the same worlds, and the same smallest one. */
  readonly seed: number;
  readonly worlds?: WorldOptions;
}

/** What became of one property. */
export interface Outcome {
  readonly property: RuleProperty;
  readonly runs: number;
  /** The smallest world that was found, absent when the property held. */
  readonly failure?: Failure;
}

export interface Failure {
  readonly trial: Trial;
  readonly violation: Violation;
  readonly seed: number;
  /** The world in words and lines. */
  readonly picture: string;
}

export const RUNS_DEFAULT = 200;

/** Runs one property after the other, and answers as each ends. */
export async function* checkRules({
  rules,
  subject = engine,
  properties = PROPERTIES,
  runs = RUNS_DEFAULT,
  seed,
  worlds: options = {},
}: CheckOptions): AsyncGenerator<Outcome> {
  for (const property of properties) {
    const details = await fc.check(asProperty(property, subject, trials(rules, options)), {
      seed,
      numRuns: runs,
    });
    if (!details.failed) {
      yield { property, runs: details.numRuns };
      continue;
    }
    const found = details.counterexample?.[0];
    if (found === undefined) throw new Error(`${property.name}: no world could be made of these options`);
    const { trial, violation } = await smallest(property, subject, found);
    const drawn = await picture(subject, trial, violation);
    yield {
      property,
      runs: details.numRuns,
      failure: { trial, violation, seed: details.seed, picture: drawn },
    };
  }
}

/** For tests: throws with the picture of the smallest world in which a property does not hold. */
export const assertRules = async (options: CheckOptions): Promise<void> => {
  for await (const { property, failure } of checkRules(options)) {
    if (failure === undefined) continue;
    throw new Error(`${property.says}: it does not hold (seed ${failure.seed})\n\n${failure.picture}`);
  }
};
