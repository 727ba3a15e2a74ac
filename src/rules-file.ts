import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { type Resource, RESOURCES, type Trigger, TRIGGERS } from './domain/resources.ts';
import { BUILT_IN_RULES, isDirect, type Rules } from './domain/rules.ts';
import { oneOf } from './one-of.ts';

const ResourceName = oneOf<Resource>(RESOURCES);
const TriggerName = oneOf<Trigger>(TRIGGERS);

/**
 * An operator's rules: `{"direct": {"event": ["create", …]}, "propagation": [{"origin", "trigger", "reaches": […]}],
 * "reissue_scanned": true}`. What is absent stays as built in.
 */
const PropagationRule = t.strict(
  {
    origin: ResourceName,
    trigger: TriggerName,
    reaches: t.readonlyArray(ResourceName, 'a list of resources'),
  },
  'a rule with "origin", "trigger" and "reaches"',
);
const RulesFile = t.exact(
  t.partial({
    direct: t.record(
      t.string,
      t.readonlyArray(TriggerName, 'a list of triggers'),
      'an object of lists of triggers',
    ),
    propagation: t.readonlyArray(PropagationRule, 'a list of rules'),
    reissue_scanned: t.boolean,
  }),
  'an object with "direct", "propagation" or "reissue_scanned"',
);

/** Every reason why the text is no rules file, each with its place. */
export const parseRules = (text: string): Either<ReadonlyArray<string>, Rules> => {
  const parsed = parseJson(text);
  if (isLeft(parsed)) return parsed;
  const decoded = RulesFile.decode(parsed.right);
  if (isLeft(decoded)) return left(decoded.left.map(inWords));
  const { direct, propagation, reissue_scanned } = decoded.right;

  const unknown = unknownKeys(parsed.right as t.OutputOf<typeof RulesFile>);
  if (unknown.length > 0) return left(unknown);
  const rules: Rules = {
    direct:
      direct === undefined
        ? BUILT_IN_RULES.direct
        : RESOURCES.flatMap((resource) =>
            (direct[resource] ?? []).map((trigger) => ({ resource, trigger, source: 'operator' as const })),
          ),
    propagation:
      propagation === undefined
        ? BUILT_IN_RULES.propagation
        : propagation.map((rule) => ({ ...rule, source: 'operator' as const })),
    reissueScanned: reissue_scanned ?? BUILT_IN_RULES.reissueScanned,
  };
  const unreported = rules.propagation.filter(({ origin, trigger }) => !isDirect(rules, origin, trigger));
  return unreported.length === 0
    ? right(rules)
    : left(
        unreported.map(
          ({ origin, trigger }) =>
            `propagation: ${origin} has no direct trigger "${trigger}", so this rule could never apply`,
        ),
      );
};

/** A misspelt key must not leave the built-in rules in force without a word. */
const unknownKeys = (file: t.OutputOf<typeof RulesFile>): ReadonlyArray<string> => [
  ...strangers(file, ['direct', 'propagation', 'reissue_scanned'], ''),
  ...strangers(file.direct ?? {}, RESOURCES, 'direct.'),
  ...(file.propagation ?? []).flatMap((rule, index) =>
    strangers(rule, ['origin', 'trigger', 'reaches'], `propagation.${index}.`),
  ),
];

const strangers = (object: object, known: ReadonlyArray<string>, path: string): ReadonlyArray<string> =>
  Object.keys(object)
    .filter((key) => !known.includes(key))
    .map((key) => `${path}${key}: is not known here; possible: ${known.join(', ')}`);

const parseJson = (text: string): Either<ReadonlyArray<string>, unknown> => {
  try {
    return right(JSON.parse(text));
  } catch (error) {
    return left([`not JSON: ${error instanceof Error ? error.message : String(error)}`]);
  }
};

const inWords = (error: t.ValidationError): string => {
  const path = error.context
    .map(({ key }) => key)
    .filter((key) => key !== '')
    .join('.');
  const expected = error.context.at(-1)?.type.name ?? 'another value';
  return `${path === '' ? 'the file' : path}: must be ${expected}`;
};
