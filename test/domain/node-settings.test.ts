import { expect, it } from 'vitest';
import { differencesTo, type GivenSettings, nodeSettings } from '../../src/domain/node-settings.ts';
import { BUILT_IN_RULES } from '../../src/domain/rules.ts';

const given: GivenSettings = {
  rules: BUILT_IN_RULES,
  retryBaseMs: 30_000,
  attemptTimeoutMs: 15_000,
  allowTargets: '10.0.0.0/8, 127.0.0.0/8',
};

const namesOf = (more: Partial<GivenSettings>): ReadonlyArray<string> =>
  differencesTo(
    { version: '1.0.0', settings: nodeSettings(given) },
    { version: '1.0.0', settings: nodeSettings({ ...given, ...more }) },
  ).map(({ name }) => name);

it('settings are told by the names of their variables, rules as a digest', () => {
  expect(nodeSettings(given)).toEqual({
    CALLBOARD_RULES: expect.stringMatching(/^sha256:[0-9a-f]{16}$/) as unknown,
    CALLBOARD_RETRY_BASE_MS: '30000',
    CALLBOARD_ATTEMPT_TIMEOUT_MS: '15000',
    CALLBOARD_ALLOW_TARGETS: '10.0.0.0/8,127.0.0.0/8',
  });
});

it('each of them is named when it differs', () => {
  expect(namesOf({})).toEqual([]);
  expect(namesOf({ retryBaseMs: 1 })).toEqual(['CALLBOARD_RETRY_BASE_MS']);
  expect(namesOf({ attemptTimeoutMs: 1 })).toEqual(['CALLBOARD_ATTEMPT_TIMEOUT_MS']);
  expect(namesOf({ allowTargets: '' })).toEqual(['CALLBOARD_ALLOW_TARGETS']);
  expect(namesOf({ rules: { ...BUILT_IN_RULES, reissueScanned: true } })).toEqual(['CALLBOARD_RULES']);
  for (const part of ['direct', 'propagation'] as const) {
    const fewer = { ...BUILT_IN_RULES, [part]: BUILT_IN_RULES[part].slice(1) };
    expect(namesOf({ rules: fewer })).toEqual(['CALLBOARD_RULES']);
  }
});

it('what says the same in another order, or comes from elsewhere, is equal', () => {
  const { direct, propagation, reissueScanned } = BUILT_IN_RULES;
  const rules = {
    direct: direct.toReversed().map((rule) => ({ ...rule, source: 'operator' as const })),
    propagation: propagation
      .toReversed()
      .flatMap((rule) => rule.reaches.map((reached) => ({ ...rule, reaches: [reached] }))),
    reissueScanned,
  };
  expect(namesOf({ rules, allowTargets: '127.0.0.0/8,,10.0.0.0/8' })).toEqual([]);
});

it('a version is compared always, a setting only when both tell it', () => {
  const here = { version: '1.0.0', settings: { A: '1', B: '2' } };
  expect(differencesTo(here, { version: '0.9.0' })).toEqual([
    { name: 'version', here: '1.0.0', there: '0.9.0' },
  ]);
  expect(differencesTo(here, { version: '1.0.0', settings: { B: '3', C: '4' } })).toEqual([
    { name: 'B', here: '2', there: '3' },
  ]);
});
