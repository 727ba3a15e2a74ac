import { left, right } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { BUILT_IN_RULES } from '../src/domain/rules.ts';
import { parseRules } from '../src/rules-file.ts';

describe("an operator's rules file", () => {
  it('replaces what it names and leaves the rest as built in', () => {
    const file = { propagation: [{ origin: 'order', trigger: 'paid', reaches: ['shop'] }] };
    expect(parseRules(JSON.stringify(file))).toEqual(
      right({
        direct: BUILT_IN_RULES.direct,
        propagation: [{ origin: 'order', trigger: 'paid', reaches: ['shop'], source: 'operator' }],
        reissueScanned: false,
      }),
    );
    expect(parseRules('{}')).toEqual(right(BUILT_IN_RULES));
    expect(parseRules('{"direct": {"event": ["create"]}, "propagation": []}')).toEqual(
      right({
        direct: [{ resource: 'event', trigger: 'create', source: 'operator' }],
        propagation: [],
        reissueScanned: false,
      }),
    );
    expect(parseRules('{"reissue_scanned": true}')).toEqual(
      right({ ...BUILT_IN_RULES, reissueScanned: true }),
    );
  });

  it.each([
    ['not JSON', '{', /^not JSON: /],
    ['no object', '[]', /^the file: must be an object with "direct", "propagation" or "reissue_scanned"$/],
    [
      'a misspelt key',
      '{"propogation": []}',
      /^propogation: is not known here; possible: direct, propagation, reissue_scanned$/,
    ],
    ['no answer', '{"reissue_scanned": "yes"}', /^reissue_scanned: must be boolean$/],
    [
      'an unknown resource',
      '{"direct": {"venue": ["create"]}}',
      /^direct\.venue: is not known here; possible: event, /,
    ],
    [
      'an unknown trigger',
      '{"direct": {"event": ["explode"]}}',
      /^direct\.event\.0: must be one of create, update, /,
    ],
    [
      'a rule without its end',
      '{"propagation": [{"origin": "order", "trigger": "paid"}]}',
      /^propagation\.0\.reaches: must be /,
    ],
    [
      'an unknown key of a rule',
      '{"propagation": [{"origin": "order", "trigger": "paid", "reaches": ["shop"], "when": 1}]}',
      /^propagation\.0\.when: is not known here; possible: origin, trigger, reaches$/,
    ],
    [
      'a trigger that the origin does not have',
      '{"propagation": [{"origin": "scanner", "trigger": "paid", "reaches": ["event"]}]}',
      /^propagation: scanner has no direct trigger "paid"/,
    ],
  ])('is refused with the place: %s', (_what, text, reason) => {
    const parsed = parseRules(text);
    expect(parsed).toEqual(left([expect.stringMatching(reason)]));
  });
});
