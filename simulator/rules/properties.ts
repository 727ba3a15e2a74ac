import fc from 'fast-check';
import { RESOURCES, TRIGGERS } from '../../src/domain/resources.ts';
import type { PropagationRule, Rules } from '../../src/domain/rules.ts';
import { couldEverFire, oracle } from './oracle.ts';
import type { Subject } from './subject.ts';
import { type Heard, isReport, refText, type Report, type Told, type Webhook, type World } from './world.ts';

/** One trial of a property: rules, a world under them, and a number that picks what is altered in it. */
export interface Trial {
  readonly rules: Rules;
  readonly world: World;
  readonly pick: number;
}

/** What was not as it should be. */
export interface Violation {
  readonly reason: string;
  /** The report it is about, if it is about one: its place among the world's steps. */
  readonly step?: number;
  readonly webhook?: string;
  /** What was altered in the world or the rules before it was asked again. */
  readonly altered?: string;
}

/** Something that holds for every world under every rules file. */
export interface RuleProperty {
  readonly name: string;
  readonly says: string;
  /** Undefined when it holds in this trial. */
  judge(subject: Subject, trial: Trial): Promise<Violation | undefined>;
}

const noForeignCompany: RuleProperty = {
  name: 'no-foreign-company',
  says: 'no foreign company is ever told',
  judge: async (subject, { rules, world }) => {
    for (const { step, told } of await subject.hear(rules, world)) {
      const own = reportAt(world, step).company;
      const foreign = told.find(({ webhook }) => companyOf(world, webhook) !== own);
      if (foreign === undefined) continue;
      const reason = `a webhook of company ${companyOf(world, foreign.webhook) ?? '?'} is told of a change of company ${own}`;
      return { reason, step, webhook: foreign.webhook };
    }
    return undefined;
  },
};

const atMostOnce: RuleProperty = {
  name: 'at-most-once',
  says: 'at most one invocation per webhook and change, and one for each that hears of it',
  judge: async (subject, { rules, world }) => {
    const heard = await subject.hear(rules, world);
    for (const { step, told } of heard) {
      const twice = firstRepeated(told.map(({ webhook }) => webhook));
      if (twice !== undefined)
        return { reason: 'it is told more than once of one change', step, webhook: twice };
    }
    for (const { step, webhooks } of await subject.schedule(rules, world)) {
      const twice = firstRepeated(webhooks);
      if (twice !== undefined) {
        return { reason: 'more than one invocation is in the log for one change', step, webhook: twice };
      }
      const told = heard.find((one) => one.step === step)?.told.map(({ webhook }) => webhook) ?? [];
      const odd = [...told, ...webhooks].find((name) => told.includes(name) !== webhooks.includes(name));
      if (odd !== undefined) {
        const reason = told.includes(odd)
          ? 'it hears of the change but has no invocation'
          : 'it has an invocation but does not hear';
        return { reason, step, webhook: odd };
      }
    }
    return undefined;
  },
};

const removingRelation: RuleProperty = {
  name: 'relation-removed',
  says: 'removing a relation never adds a hearer',
  judge: async (subject, { rules, world, pick }) => {
    const stated = world.steps
      .filter(isReport)
      .flatMap(({ company, ref, relations = [] }) =>
        relations.map((parent) => ({ company, child: refText(ref), parent: refText(parent) })),
      );
    const gone = stated[pick % Math.max(stated.length, 1)];
    if (gone === undefined) return undefined;
    // Wherever it is stated: taken out of one report only, it would come with the next one, which is a change of its own.
    const less = mapReports(world, (report) =>
      report.company === gone.company && refText(report.ref) === gone.child && report.relations !== undefined
        ? { ...report, relations: report.relations.filter((parent) => refText(parent) !== gone.parent) }
        : report,
    );
    const altered = `company ${gone.company}: ${gone.child} no longer belongs to ${gone.parent}`;
    return added(await subject.hear(rules, world), await subject.hear(rules, less), altered);
  },
};

const webhookOrder: RuleProperty = {
  name: 'webhook-order',
  says: 'the order of webhooks does not matter',
  judge: async (subject, { rules, world, pick }) => {
    const other = { ...world, webhooks: shuffled(world.webhooks, pick) };
    const altered = `the webhooks were created in the order ${other.webhooks.map(({ name }) => name).join(', ')}`;
    return differs(await subject.hear(rules, world), await subject.hear(rules, other), altered, sameInOrder);
  },
};

const ruleRemoved: RuleProperty = {
  name: 'rule-removed',
  says: 'a rule that is taken away only takes away',
  judge: async (subject, { rules, world, pick }) => {
    const fewer = withoutOne(rules, firedIn(rules, world), pick);
    if (fewer === undefined) return undefined;
    // Turning a webhook to what can no longer fire is refused, and it goes on hearing what it heard before.
    const still = {
      ...world,
      steps: world.steps.map((step) => (step.step === 'retarget' ? { ...step, to: {} } : step)),
    };
    return added(await subject.hear(rules, still), await subject.hear(fewer.rules, still), fewer.what);
  },
};

const once: RuleProperty = {
  name: 'no-second-hop',
  says: 'a propagated trigger does not propagate again',
  judge: async (subject, { rules, world }) => {
    for (const { step, told } of await subject.hear(rules, world)) {
      const { ref: origin } = reportAt(world, step);
      for (const { webhook, by, matched } of told) {
        if (by === 'ORDER_SAVED' || by === 'EVENT_SAVED') continue;
        const far = matched.find(
          ({ ref }) =>
            refText(ref) !== refText(origin) &&
            !rules.propagation.some(
              (rule) =>
                rule.origin === origin.resource && rule.trigger === by && rule.reaches.includes(ref.resource),
            ),
        );
        if (far === undefined) continue;
        const reason = `told through ${refText(far.ref)}, although no rule lets ${origin.resource}.${by} reach ${far.ref.resource}`;
        return { reason, step, webhook };
      }
    }
    return undefined;
  },
};

const rebuild: RuleProperty = {
  name: 'rebuild',
  says: 'matching before and after a rebuild of the read models is the same',
  judge: async (subject, { rules, world }) =>
    differs(
      await subject.hear(rules, world),
      await subject.hearAfterRebuild(rules, world),
      'the read models were deleted and built again',
      sameInOrder,
    ),
};

const alongRelations: RuleProperty = {
  name: 'along-relations',
  says: 'every way leads from the changed resource along relations that hold then',
  judge: async (subject, { rules, world }) => {
    const verdicts = oracle(rules, world);
    for (const { step, told } of await subject.hear(rules, world)) {
      const origin = refText(reportAt(world, step).ref);
      const relations = verdicts.find((verdict) => verdict.step === step)?.relations ?? [];
      const known = new Set(relations.map(({ child, parent }) => `${refText(child)} ${refText(parent)}`));
      for (const { webhook, matched } of told) {
        for (const { ref, path } of matched) {
          const names = path.map(refText);
          const astray =
            names[0] !== origin ||
            names.at(-1) !== refText(ref) ||
            names.slice(1).some((name, at) => !known.has(`${names[at] ?? ''} ${name}`));
          if (astray) return { reason: `the way ${names.join(' → ')} does not exist`, step, webhook };
        }
      }
    }
    return undefined;
  },
};

const asDesigned: RuleProperty = {
  name: 'as-designed',
  says: 'exactly those are told whom a walk over every path finds, through the same resources, nearest first',
  judge: async (subject, { rules, world }) =>
    differs(oracle(rules, world), await subject.hear(rules, world), undefined, sameByWebhook),
};

const refusals: RuleProperty = {
  name: 'refusals',
  says: 'a webhook is refused exactly when nothing could ever fire it',
  judge: async (subject, { rules, world, pick }) => {
    const resource = RESOURCES[pick % RESOURCES.length];
    const trigger = TRIGGERS[Math.floor(pick / RESOURCES.length) % TRIGGERS.length];
    if (resource === undefined || trigger === undefined) return undefined;
    const drawn: ReadonlyArray<Webhook> = [true, false].map((byChildren) => ({
      dialect: 'openticket',
      name: `${resource}.${trigger}${byChildren ? ' by children' : ''}`,
      company: 'A',
      resource,
      trigger,
      identifier: '',
      byChildren,
    }));
    for (const webhook of [...world.webhooks, ...drawn]) {
      const should = couldEverFire(rules, webhook);
      if (subject.accepts(rules, webhook) === should) continue;
      const reason = should ? 'could fire but is refused' : 'could never fire but is taken';
      return { reason: `${webhook.name} ${reason}`, webhook: webhook.name };
    }
    return undefined;
  },
};

/** All properties, the fastest to understand first. */
export const PROPERTIES: ReadonlyArray<RuleProperty> = [
  noForeignCompany,
  atMostOnce,
  removingRelation,
  webhookOrder,
  ruleRemoved,
  once,
  rebuild,
  alongRelations,
  asDesigned,
  refusals,
];

/** For `fc.assert` and `fc.check` of your own: rejects with the reason when the property does not hold. */
export const asProperty = (
  property: RuleProperty,
  subject: Subject,
  trials: fc.Arbitrary<Trial>,
): fc.IAsyncProperty<[Trial]> =>
  fc.asyncProperty(trials, async (trial) => {
    const violation = await property.judge(subject, trial);
    if (violation !== undefined) throw new Error(violation.reason);
  });

// ------------------------------------------------------------ comparing

type Same = (a: ReadonlyArray<Told>, b: ReadonlyArray<Told>) => string | undefined;

const toldText = ({ webhook, by, matched }: Told): string =>
  `${webhook} ${by} ${matched.map(({ ref, path }) => `${refText(ref)} at ${path.length - 1}`).join(', ')}`;

/** The webhook that the answers differ in, whatever the order of webhooks. */
const sameByWebhook: Same = (a, b) => {
  const [left, right] = [a, b].map((told) => new Set(told.map(toldText))) as [Set<string>, Set<string>];
  return [...a, ...b].find((told) => left.has(toldText(told)) !== right.has(toldText(told)))?.webhook;
};

/** Every way and the order of webhooks included. */
const sameInOrder: Same = (a, b) => {
  const texts = [a, b].map((told) =>
    told.map(
      (one) => `${toldText(one)} ${one.matched.map(({ path }) => path.map(refText).join('>')).join()}`,
    ),
  ) as [string[], string[]];
  const at = Math.max(a.length, b.length);
  for (let index = 0; index < at; index += 1) {
    if (texts[0][index] !== texts[1][index]) return (a[index] ?? b[index])?.webhook;
  }
  return undefined;
};

const differs = (
  expected: ReadonlyArray<Heard>,
  actual: ReadonlyArray<Heard>,
  altered: string | undefined,
  same: Same,
): Violation | undefined => {
  const more = altered === undefined ? {} : { altered };
  for (const { step, told } of expected) {
    const others = actual.find((one) => one.step === step)?.told ?? [];
    const webhook = same(told, others);
    if (webhook === undefined) continue;
    const [should, is] = [told, others].map((some) => some.find((one) => one.webhook === webhook));
    const reason = `${altered === undefined ? 'should be' : 'was'} ${inWords(should)}, is ${inWords(is)}`;
    return { reason, step, webhook, ...more };
  }
  return expected.length === actual.length
    ? undefined
    : { reason: `${actual.length} reports were answered instead of ${expected.length}`, ...more };
};

const inWords = (told: Told | undefined): string =>
  told === undefined
    ? 'not told'
    : `told of ${told.by} through ${told.matched.map(({ ref }) => refText(ref)).join(', ')}`;

/** A webhook that hears afterwards and did not before. */
const added = (
  before: ReadonlyArray<Heard>,
  after: ReadonlyArray<Heard>,
  altered: string,
): Violation | undefined => {
  for (const { step, told } of after) {
    const earlier = before.find((one) => one.step === step)?.told ?? [];
    const more = told.find(({ webhook }) => !earlier.some((one) => one.webhook === webhook));
    if (more !== undefined) {
      return { reason: `was not told, is ${inWords(more)}`, step, webhook: more.webhook, altered };
    }
  }
  return undefined;
};

// ------------------------------------------------------------ altering

const reportAt = (world: World, at: number): Report => {
  const step = world.steps[at];
  if (step === undefined || !isReport(step)) throw new Error(`step ${at} is no report`);
  return step;
};

const companyOf = (world: World, webhook: string): string | undefined =>
  world.webhooks.find(({ name }) => name === webhook)?.company;

const mapReports = (world: World, map: (report: Report) => Report): World => ({
  ...world,
  steps: world.steps.map((step) => (isReport(step) ? map(step) : step)),
});

const firstRepeated = (names: ReadonlyArray<string>): string | undefined =>
  names.find((name, at) => names.indexOf(name) !== at);

/** One of the orders there are, by number: 0 turns it round. */
const shuffled = <A>(items: ReadonlyArray<A>, number: number): ReadonlyArray<A> => {
  const rest = [...items].reverse();
  const taken: A[] = [];
  for (let left = number; rest.length > 0; left = Math.floor(left / 2) + 1) {
    taken.push(...rest.splice(number === 0 ? 0 : left % rest.length, 1));
  }
  return taken;
};

/** What fires in this world and some webhook waits for: taking away other rules would show nothing. */
const firedIn = (rules: Rules, world: World): ReadonlySet<string> => {
  const wanted = new Set(
    world.webhooks.flatMap((webhook) => (webhook.dialect === 'openticket' ? [webhook.trigger] : [])),
  );
  return new Set(
    oracle(rules, world).flatMap(({ step, triggers }) =>
      triggers
        .filter((trigger) => wanted.has(trigger))
        .map((trigger) => `${reportAt(world, step).ref.resource}.${trigger}`),
    ),
  );
};

/** One direct trigger, one rule, or one of the types that a rule reaches, less. */
const withoutOne = (
  rules: Rules,
  fired: ReadonlySet<string>,
  pick: number,
): { readonly rules: Rules; readonly what: string } | undefined => {
  const ways: Array<{ readonly rules: Rules; readonly what: string }> = [];
  rules.propagation.forEach((rule, at) => {
    if (!fired.has(`${rule.origin}.${rule.trigger}`)) return;
    const others = rules.propagation.filter((_, other) => other !== at);
    ways.push({ rules: { ...rules, propagation: others }, what: `without the rule ${ruleText(rule)}` });
    for (const resource of rule.reaches.length > 1 ? rule.reaches : []) {
      const less = { ...rule, reaches: rule.reaches.filter((type) => type !== resource) };
      const propagation = rules.propagation.with(at, less);
      const what = `${rule.origin}.${rule.trigger} no longer reaches ${resource}`;
      ways.push({ rules: { ...rules, propagation }, what });
    }
  });
  for (const { resource, trigger } of rules.direct) {
    if (!fired.has(`${resource}.${trigger}`)) continue;
    // As a rules file without it would read: no rule may be left for a trigger that is not there.
    const direct = rules.direct.filter((rule) => rule.resource !== resource || rule.trigger !== trigger);
    const propagation = rules.propagation.filter(
      (rule) => rule.origin !== resource || rule.trigger !== trigger,
    );
    ways.push({
      rules: { ...rules, direct, propagation },
      what: `without the trigger ${resource}.${trigger}`,
    });
  }
  return ways[pick % Math.max(ways.length, 1)];
};

export const ruleText = ({ origin, trigger, reaches }: PropagationRule): string =>
  `${origin}.${trigger} reaches ${reaches.join(', ')}`;
