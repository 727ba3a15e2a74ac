import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { type Resource, RESOURCES, type Trigger, TRIGGERS } from './domain/resources.ts';
import { BUILT_IN_RULES, isDirect, type Rules } from './domain/rules.ts';
import { oneOf } from './one-of.ts';

const ResourceName = oneOf<Resource>(RESOURCES);
const TriggerName = oneOf<Trigger>(TRIGGERS);

/**
 * An operator's rules: `{"direct": {"event": ["create", …]}, "propagation": [{"origin", "trigger", "reaches": […]}]}`.
 * What is absent stays as built in.
 */
const RulesFile = t.exact(
  t.partial({
    direct: t.record(t.string, t.readonlyArray(TriggerName)),
    propagation: t.readonlyArray(
      t.strict({ origin: ResourceName, trigger: TriggerName, reaches: t.readonlyArray(ResourceName) }),
    ),
  }),
);

/** Every reason why the text is no rules file, each with its place. */
export const parseRules = (text: string): Either<ReadonlyArray<string>, Rules> => {
  const parsed = parseJson(text);
  if (isLeft(parsed)) return parsed;
  const decoded = RulesFile.decode(parsed.right);
  if (isLeft(decoded)) return left(decoded.left.map(inWords));
  const { direct, propagation } = decoded.right;

  const unknown = Object.keys(direct ?? {}).filter((name) => !RESOURCES.includes(name as Resource));
  if (unknown.length > 0) {
    return left(unknown.map((name) => `direct.${name}: must be one of ${RESOURCES.join(', ')}`));
  }
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
