import { isLeft } from 'fp-ts/lib/Either.js';
import { matchChange } from '../../src/domain/matching.ts';
import type { Resource, ResourceRef } from '../../src/domain/resources.ts';
import { BUILT_IN_RULES, isDirect, type PropagationRule, type Rules } from '../../src/domain/rules.ts';
import { isResource, TRIGGERS, type Trigger } from '../../src/domain/resources.ts';
import { brokenAt } from '../../src/http/json-place.ts';
import { parseRules } from '../../src/rules-file.ts';
import { jsonLines, type JsonLines } from './json-lines.ts';
import { ruleText } from './properties.ts';

/** Something in a rules file that its author should look at. */
export interface Finding {
  /** From 1. */
  readonly line: number;
  readonly reason: string;
}

export interface Lint {
  readonly findings: ReadonlyArray<Finding>;
  /** Absent when the server would refuse to start with this file. */
  readonly rules?: Rules;
}

/** Reads a rules file as the server does, and looks for what the server does not mind but its author may. */
export const lintRules = (text: string): Lint => {
  const broken = syntaxFinding(text);
  if (broken !== undefined) return { findings: [broken] };
  const lines = jsonLines(text);
  const file = JSON.parse(text) as unknown;
  const parsed = parseRules(text);
  const repeated = lines.repeated.map(({ path, line }) => ({
    line,
    reason: `${path}: comes twice; only the last one counts`,
  }));
  if (isLeft(parsed)) {
    const unknown = triggersNotThere(file, lines);
    // The server says the same of them, without the place.
    const others = parsed.left.filter((reason) => !COULD_NEVER_APPLY.test(reason));
    const refused = others.map((reason) => ({ line: lines.lineOf(pathIn(reason)), reason }));
    return { findings: byLine([...repeated, ...refused, ...unknown]) };
  }
  const rules = parsed.right;
  const findings = [...repeated, ...repeatedTriggers(file, lines), ...idleRules(file, rules, lines)];
  return { findings: byLine(findings), rules };
};

const byLine = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> =>
  [...findings].sort((a, b) => a.line - b.line);

const syntaxFinding = (text: string): Finding | undefined => {
  try {
    JSON.parse(text);
    return undefined;
  } catch (_notJson) {
    const before = text.slice(0, brokenAt(text)).split('\n');
    const line = before.length;
    const ended = brokenAt(text) >= text.length;
    const column = (before.at(-1)?.length ?? 0) + 1;
    return {
      line,
      reason: ended ? 'not JSON: it ends too early' : `not JSON: unexpected at column ${column}`,
    };
  }
};

/** The place that a reason of the server's starts with: `direct.event.0: must be …`. */
const pathIn = (reason: string): string => /^([\w.-]+): /.exec(reason)?.[1] ?? '';

const COULD_NEVER_APPLY = /^propagation: \w+ has no direct trigger /;

// ------------------------------------------------------------ triggers that a resource does not have

/** Rules whose origin never fires their trigger: they can never apply. Only where their form is right. */
const triggersNotThere = (file: unknown, lines: JsonLines): ReadonlyArray<Finding> => {
  const direct = directIn(file);
  if (direct === undefined) return [];
  const own = propagationIn(file);
  const rules: ReadonlyArray<unknown> = own ?? BUILT_IN_RULES.propagation;
  return rules.flatMap((rule, at): ReadonlyArray<Finding> => {
    const { origin, trigger } = (typeof rule === 'object' ? (rule ?? {}) : {}) as Partial<PropagationRule>;
    if (!isResource(origin) || trigger === undefined || !TRIGGERS.includes(trigger)) return [];
    const has = direct(origin);
    if (has.includes(trigger)) return [];
    const possible = has.length === 0 ? 'it has none' : `it has ${has.join(', ')}`;
    const reason = `${origin} does not have the trigger "${trigger}" (${possible}), so this rule could never apply`;
    return own === undefined
      ? [
          {
            line: lines.lineOf('direct'),
            reason: `a built-in rule stays in force: ${origin}.${trigger}, but ${reason}`,
          },
        ]
      : [{ line: lines.lineOf(`propagation.${at}.trigger`), reason: `propagation.${at}: ${reason}` }];
  });
};

const directIn = (file: unknown): ((resource: Resource) => ReadonlyArray<Trigger>) | undefined => {
  if (typeof file !== 'object' || file === null) return undefined;
  const { direct } = file as { readonly direct?: unknown };
  if (direct === undefined) {
    return (resource) => TRIGGERS.filter((trigger) => isDirect(BUILT_IN_RULES, resource, trigger));
  }
  if (typeof direct !== 'object' || direct === null) return undefined;
  return (resource) => {
    const own = (direct as Readonly<Record<string, unknown>>)[resource];
    return Array.isArray(own) ? TRIGGERS.filter((trigger) => own.includes(trigger)) : [];
  };
};

const propagationIn = (file: unknown): ReadonlyArray<unknown> | undefined => {
  const { propagation } = file as { readonly propagation?: unknown };
  return Array.isArray(propagation) ? propagation : undefined;
};

// ------------------------------------------------------------ duplicates, and rules that change nothing

const repeatedTriggers = (file: unknown, lines: JsonLines): ReadonlyArray<Finding> => {
  const { direct = {} } = file as { readonly direct?: Readonly<Record<string, ReadonlyArray<string>>> };
  return Object.entries(direct).flatMap(([resource, triggers]) =>
    triggers.flatMap((trigger, at) =>
      triggers.indexOf(trigger) === at
        ? []
        : [
            {
              line: lines.lineOf(`direct.${resource}.${at}`),
              reason: `direct.${resource}: "${trigger}" is listed twice`,
            },
          ],
    ),
  );
};

/**
 * Asks the matching itself: of each type that a rule reaches, whether anybody would miss it. The witness is the smallest
 * world there is: one resource that belongs to one other, and a webhook on that one.
 */
const idleRules = (file: unknown, rules: Rules, lines: JsonLines): ReadonlyArray<Finding> => {
  const own = propagationIn(file);
  if (own === undefined) return [];
  return rules.propagation.flatMap((rule, at): ReadonlyArray<Finding> => {
    const finding = (path: string, reason: string): Finding => ({
      line: lines.lineOf(`propagation.${at}${path}`),
      reason: `propagation.${at}: ${reason}`,
    });
    if (rule.reaches.length === 0) return [finding('.reaches', 'reaches nothing, so it can be left out')];
    const idle = rule.reaches.flatMap((reached, index): ReadonlyArray<Finding & { readonly by: number }> => {
      if (rule.reaches.indexOf(reached) !== index) {
        return [{ ...finding(`.reaches.${index}`, `"${reached}" is listed twice`), by: -1 }];
      }
      const { others, by } = withoutReached(rules, at, reached);
      if (isTold(rules, rule, reached) && !isTold(others, rule, reached)) return [];
      // Of two that say the same, the later one is the one too many.
      if (by === undefined || by > at) return [];
      const reason = `unreachable: ${ruleText({ ...rule, reaches: [reached] })} by propagation.${by} (line ${lines.lineOf(`propagation.${by}`)}) already`;
      return [{ ...finding(`.reaches.${index}`, reason), by }];
    });
    const [first] = idle;
    const whole = first !== undefined && first.by >= 0 && idle.every(({ by }) => by === first.by);
    if (!whole || idle.length < rule.reaches.length)
      return idle.map(({ line, reason }) => ({ line, reason }));
    const place = `propagation.${first.by} (line ${lines.lineOf(`propagation.${first.by}`)})`;
    const same = sameReach(rule, rules.propagation[first.by]);
    return [finding('', same ? `a duplicate of ${place}` : `unreachable: ${place} says all of it already`)];
  });
};

const sameReach = (a: PropagationRule, b: PropagationRule | undefined): boolean =>
  b !== undefined &&
  a.reaches.length === b.reaches.length &&
  a.reaches.every((type) => b.reaches.includes(type));

/** The rules without this one reaching this type, and which other one does so as well. */
const withoutReached = (rules: Rules, at: number, reached: Resource) => {
  const rule = rules.propagation[at] as PropagationRule;
  const less = { ...rule, reaches: rule.reaches.filter((type) => type !== reached) };
  const by = rules.propagation.findIndex(
    (other, index) =>
      index !== at &&
      other.origin === rule.origin &&
      other.trigger === rule.trigger &&
      other.reaches.includes(reached),
  );
  return {
    others: { ...rules, propagation: rules.propagation.with(at, less) },
    by: by === -1 ? undefined : by,
  };
};

const isTold = (rules: Rules, { origin, trigger }: PropagationRule, reached: Resource): boolean => {
  const child: ResourceRef = { resource: origin, identifier: 'child' };
  const parent: ResourceRef = { resource: reached, identifier: 'parent' };
  const subscriber = { webhook: 'w', triggeredByChildResources: true };
  const matches = matchChange(
    rules,
    { ref: child, triggers: [trigger] },
    (ref) => (ref.identifier === 'child' ? [parent] : []),
    (resource, on, identifier) =>
      resource === reached && on === trigger && identifier === 'parent' ? [subscriber] : [],
  );
  return matches.length > 0;
};
