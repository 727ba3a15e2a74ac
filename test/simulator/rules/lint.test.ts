import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonLines } from '../../../simulator/rules/json-lines.ts';
import { lintRules } from '../../../simulator/rules/lint.ts';
import { BUILT_IN_RULES } from '../../../src/domain/rules.ts';

const found = (...lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lintRules(lines.join('\n')).findings.map(({ line, reason }) => `${line}: ${reason}`);

const rule = (origin: string, trigger: string, ...reaches: ReadonlyArray<string>): string =>
  JSON.stringify({ origin, trigger, reaches });

describe('a rules file', () => {
  it('that says what the built-in rules say has nothing to look at', () => {
    const propagation = BUILT_IN_RULES.propagation.map(({ origin, trigger, reaches }) => ({
      origin,
      trigger,
      reaches,
    }));
    const lint = lintRules(JSON.stringify({ propagation }, null, 2));
    expect(lint.findings).toEqual([]);
    expect(lint.rules?.propagation).toHaveLength(BUILT_IN_RULES.propagation.length);
    expect(lintRules('{}').findings).toEqual([]);
  });

  it.each<readonly [string, ReadonlyArray<string>, ReadonlyArray<string>]>([
    ['is no JSON', ['{', '  "propagation": [}', '}'], ['2: not JSON: unexpected at column 19']],
    ['ends too early', ['{', '  "propagation": ['], ['2: not JSON: it ends too early']],
    ['is empty', [''], ['1: not JSON: it ends too early']],
    [
      'has a key that is not known',
      ['{', '  "propogation": []', '}'],
      ['2: propogation: is not known here; possible: direct, propagation, reissue_scanned'],
    ],
    [
      'names a trigger that there is not',
      ['{"direct": {', '"event": ["create",', '"explode"]}, "propagation": []}'],
      ['3: direct.event.1: must be one of create, update, delete, paid, scan, relation, reorder'],
    ],
    [
      'has a key twice',
      ['{"propagation": [],', '"propagation": []}'],
      ['2: propagation: comes twice; only the last one counts'],
    ],
    [
      'has a rule for a trigger that its origin does not have',
      ['{"propagation": [', rule('order', 'paid', 'event'), ',', rule('scanner', 'paid', 'event'), ']}'],
      [
        '4: propagation.1: scanner does not have the trigger "paid" (it has scan), so this rule could never apply',
      ],
    ],
    [
      'takes a trigger away that a built-in rule is for',
      [
        '{',
        '"direct": {"ticket": ["create", "update", "delete"], "product": ["create", "update", "delete"],',
        '"shop": ["paid", "update"], "order": ["create", "delete", "scan"]}}',
      ],
      [
        '2: a built-in rule stays in force: order.paid, but order does not have the trigger "paid" (it has create, delete, scan), so this rule could never apply',
      ],
    ],
    [
      'has a rule twice',
      [
        '{"propagation": [',
        rule('order', 'paid', 'event', 'shop'),
        ',',
        rule('order', 'paid', 'shop', 'event'),
        ']}',
      ],
      ['4: propagation.1: a duplicate of propagation.0 (line 2)'],
    ],
    [
      'has a rule that another one contains',
      ['{"propagation": [', rule('order', 'paid', 'event', 'shop'), ',', rule('order', 'paid', 'shop'), ']}'],
      ['4: propagation.1: unreachable: propagation.0 (line 2) says all of it already'],
    ],
    [
      'has a rule that another one contains in part',
      ['{"propagation": [', rule('order', 'paid', 'shop'), ',', rule('order', 'paid', 'event', 'shop'), ']}'],
      ['4: propagation.1: unreachable: order.paid reaches shop by propagation.0 (line 2) already'],
    ],
    [
      'reaches nothing, or the same twice',
      ['{"propagation": [', rule('order', 'paid'), ',', rule('order', 'scan', 'event', 'event'), ']}'],
      [
        '2: propagation.0: reaches nothing, so it can be left out',
        '4: propagation.1: "event" is listed twice',
      ],
    ],
    [
      'lists a trigger twice',
      ['{"direct": {"event": [', '"create",', '"create"]}, "propagation": []}'],
      ['3: direct.event: "create" is listed twice'],
    ],
  ])('that %s: line and reason', (_what, lines, expected) => {
    expect(found(...lines)).toEqual(expected);
  });

  it('is not tried out when a server would not start with it', () => {
    expect(lintRules('{"propagation": 1}').rules).toBeUndefined();
    expect(lintRules('[]').findings).toHaveLength(1);
  });
});

it('the line of every value is the one where it stands', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 0, 2, '\t'), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const lines = jsonLines(text);
      const at = text.split('\n');
      const look = (inner: unknown, path: ReadonlyArray<string>): void => {
        const line = at[lines.lineOf(path.join('.')) - 1] ?? '';
        const plain = path.every((step) => /^[a-z0-9]+$/i.test(step));
        const opening =
          typeof inner === 'object' && inner !== null
            ? Array.isArray(inner)
              ? '['
              : '{'
            : JSON.stringify(inner);
        if (plain) expect(line).toContain(opening);
        if (typeof inner !== 'object' || inner === null) return;
        for (const [key, one] of Object.entries(inner)) look(one, [...path, key]);
      };
      look(value, []);
      expect(lines.repeated).toEqual([]);
    }),
  );
});
