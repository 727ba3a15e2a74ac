import type { RuleProperty, Trial, Violation } from './properties.ts';
import type { Subject } from './subject.ts';
import { isReport, type World } from './world.ts';

/** Rounds over everything that could be left out; each must have left something out for the next. */
const ROUNDS_MAX = 20;

/**
 * What shrinking leaves of a world was still made by the arbitrary; here everything that can be left out is left out,
 * one after the other: webhooks, steps, relations, what orders name.
 */
export const smallest = async (
  property: RuleProperty,
  subject: Subject,
  found: Trial,
): Promise<{ readonly trial: Trial; readonly violation: Violation }> => {
  const first = await property.judge(subject, found);
  if (first === undefined) throw new Error(`${property.name}: another answer for the same world`);
  let best = { trial: found, violation: first };
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const before = best;
    for (let at = 0; ;) {
      const smaller = nth(fewer(best.trial.world), at);
      if (smaller === undefined) break;
      const judged = await judgedSmaller(property, subject, { ...best.trial, world: smaller });
      // Left out, the next one stands at this place.
      if (judged === undefined) at += 1;
      else best = judged;
    }
    if (best === before) break;
  }
  return best;
};

/** What a pick stands for changes with what there is: a few others are tried as well. */
const PICKS = [0, 1, 2, 3];

const judgedSmaller = async (property: RuleProperty, subject: Subject, trial: Trial) => {
  for (const pick of [trial.pick, ...PICKS]) {
    const tried = { ...trial, pick };
    const violation = await property.judge(subject, tried);
    if (violation !== undefined) return { trial: tried, violation };
  }
  return undefined;
};

const nth = <A>(items: Iterable<A>, at: number): A | undefined => {
  let index = 0;
  for (const item of items) {
    if (index === at) return item;
    index += 1;
  }
  return undefined;
};

/** The world with one thing less, in every way there is. */
function* fewer(world: World): Iterable<World> {
  const { webhooks, steps } = world;
  for (const at of steps.keys()) yield { webhooks, steps: without(steps, at) };
  for (const [at, { name }] of webhooks.entries()) {
    const others = steps.filter((step) => isReport(step) || step.webhook !== name);
    yield { webhooks: without(webhooks, at), steps: others };
  }
  for (const [at, step] of steps.entries()) {
    if (!isReport(step)) continue;
    const { relations, order, ...rest } = step;
    const replaced = (smaller: typeof step): World => ({ webhooks, steps: steps.with(at, smaller) });
    if (order !== undefined) {
      const kept = { ...rest, ...(relations !== undefined && { relations }) };
      yield replaced(kept);
      for (const index of order.ticketTypes.keys()) {
        yield replaced({ ...kept, order: { ...order, ticketTypes: without(order.ticketTypes, index) } });
      }
    }
    if (relations === undefined) continue;
    const kept = { ...rest, ...(order !== undefined && { order }) };
    yield replaced(kept);
    for (const index of relations.keys()) yield replaced({ ...kept, relations: without(relations, index) });
  }
}

const without = <A>(items: ReadonlyArray<A>, at: number): ReadonlyArray<A> =>
  items.filter((_, index) => index !== at);
