import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGuid, STREAM_PREFIXES, streamOf } from '../../src/domain/ids.ts';
import { isOurStream } from '../../src/domain/own-streams.ts';
import { RESOURCES } from '../../src/domain/resources.ts';

const guid = fc.uuid();
const identifier = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom('', '-', '1-2'));

const ours = fc.oneof(
  guid.map(streamOf.account),
  guid.map(streamOf.webhook),
  guid.map(streamOf.invocation),
  guid.map(streamOf.job),
  fc.integer({ min: 1, max: 2 ** 31 - 1 }).map(streamOf.client),
  fc
    .tuple(guid, fc.constantFrom(...RESOURCES), identifier)
    .map(([company, resource, id]) => streamOf.resource(company, resource, id)),
);

/** The rule once more, in the words of a pattern. */
const G = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const PATTERN = new RegExp(
  `^(?:(?:account|webhook|invocation|job)-${G}|(?:${RESOURCES.join('|')})-${G}-[^]*|client-[1-9]\\d{0,15})$`,
);

describe('isOurStream', () => {
  it('takes every name that is given', () => {
    fc.assert(
      fc.property(ours, (name) => {
        expect([name, isOurStream(name)]).toEqual([name, true]);
      }),
    );
  });

  it('takes a name with one character changed, more or less only if it could be another of ours', () => {
    const edit = fc.tuple(
      ours,
      fc.nat({ max: 60 }),
      fc.constantFrom(0, 1),
      fc.oneof(
        fc.constant(''),
        fc.string({ minLength: 1, maxLength: 1 }),
        fc.constantFrom('-', 'A', 'g', '0'),
      ),
    );
    fc.assert(
      fc.property(edit, ([name, at, length, by]) => {
        const edited = name.slice(0, at) + by + name.slice(at + length);
        expect([edited, isOurStream(edited)]).toEqual([edited, PATTERN.test(edited)]);
      }),
    );
  });

  it('takes nothing by its beginning alone', () => {
    const rest = fc.oneof(
      fc.string(),
      fc.string().map((text) => `1-${text}`),
      fc.integer().map(String),
    );
    fc.assert(
      fc.property(fc.constantFrom(...STREAM_PREFIXES), rest, (prefix, text) => {
        fc.pre(prefix !== 'client-' && !isGuid(text.slice(0, 36)));
        expect(isOurStream(prefix + text)).toBe(false);
      }),
    );
  });

  it.each([
    '',
    '-',
    'callboard-cluster',
    'callboard-removed',
    'claim-x',
    'client-',
    'client-0',
    'client-01',
    'client-1a',
  ])('does not take %j', (name) => {
    expect(isOurStream(name)).toBe(false);
  });
});
