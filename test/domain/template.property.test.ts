import fc from 'fast-check';
import { isLeft, isRight } from 'fp-ts/lib/Either.js';
import { expect, it } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import {
  parseTemplate,
  renderTemplate,
  PLACEHOLDERS_MAX,
  type TemplateKind,
  type TemplateValues,
} from '../../src/domain/template.ts';

/** Ten thousand in all. */
const RUNS = { json: 3_000, form: 1_500, xml: 1_500, judged: 3_000, anything: 1_000 } as const;

// ---------------------------------------------------------------- values

/** What breaks out of one structure or another, or looks like what was just replaced. */
const HOSTILE = [
  '@data',
  '@eventType',
  '@contextId',
  '@@',
  '@',
  '"',
  '\\',
  '\\u0022',
  '","x":"',
  '}',
  ']]>',
  '-->',
  '</a>',
  '<',
  '&amp;',
  "'",
  '&',
  '=',
  '+',
  '%22',
  '%',
  '$&',
  "$'",
  '\u2028',
  '\u2029',
  '\ud83c',
  '\udfab',
  '🎫',
  '\0',
  '\x1b',
  '\r\n',
  '\n',
  '\t',
  '\ufffe',
  '\ufeff',
  'é',
  ' ',
  '7',
] as const;

const anyText = fc
  .array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 6 })
  .map((pieces) => pieces.join(''));

const identifier = fc.oneof(
  anyText,
  fc.nat().map(String),
  fc.bigInt({ min: 0n, max: 2n ** 60n }).map(String),
  fc.constantFrom('', '0', '00', '007', '-1', '9007199254740991', '9007199254740992'),
);

const data = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    anyText,
    fc.integer(),
    fc.constantFrom(null, true, false),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(anyText, tie('json'), { maxKeys: 3 }),
  ),
})).json;

const values: fc.Arbitrary<TemplateValues> = fc.record({
  eventType: anyText,
  contextId: identifier,
  dataJson: fc.tuple(data, fc.constantFrom(0, 1)).map(([json, indent]) => JSON.stringify(json, null, indent)),
});

// ---------------------------------------------------------------- templates, with what they are to give

const PLACEHOLDERS = ['@eventType', '@contextId', '@data'] as const;
type Placeholder = (typeof PLACEHOLDERS)[number];

const textOf = (placeholder: Placeholder, of: TemplateValues): string =>
  ({ '@eventType': of.eventType, '@contextId': of.contextId, '@data': of.dataJson })[placeholder];

const jsonOf = (placeholder: Placeholder, of: TemplateValues): Json => {
  if (placeholder === '@data') return JSON.parse(of.dataJson) as Json;
  const text = textOf(placeholder, of);
  const number = Number(text);
  return placeholder === '@contextId' &&
    Number.isSafeInteger(number) &&
    number >= 0 &&
    String(number) === text
    ? number
    : text;
};

interface Sample<Out> {
  readonly template: string;
  /** What a reader of the body finds. */
  expected(values: TemplateValues): Out;
}

/** A literal that begins with a letter would make the name before it longer. */
const literal = anyText.map((text) => `-${text.toWellFormed()}`);

/** Literal text and placeholders in turns; `write` spells the literals in the syntax around. */
const textWith = (write: (text: string) => string, literals = literal): fc.Arbitrary<Sample<string>> =>
  fc.array(fc.oneof(literals, fc.constantFrom(...PLACEHOLDERS)), { maxLength: 4 }).map((pieces) => {
    const isPlaceholder = (piece: string): piece is Placeholder =>
      PLACEHOLDERS.some((known) => known === piece);
    return {
      template: pieces
        .map((piece) => (isPlaceholder(piece) ? piece : write(piece).replaceAll('@', '@@')))
        .join(''),
      expected: (of) => pieces.map((piece) => (isPlaceholder(piece) ? textOf(piece, of) : piece)).join(''),
    };
  });

const each = (of: TemplateValues, change: (text: string) => string): TemplateValues => ({
  eventType: change(of.eventType),
  contextId: change(of.contextId),
  dataJson: change(of.dataJson),
});

const jsonText = textWith((text) => JSON.stringify(text).slice(1, -1)).map((sample): Sample<string> => ({
  ...sample,
  template: `"${sample.template}"`,
}));

const blank = fc.constantFrom('', '', ' ', '\r\n\t');

/** More are refused, whatever is around them. */
const fewPlaceholders = (template: string): boolean =>
  (template.match(/@(?:eventType|contextId|data)/g) ?? []).length <= PLACEHOLDERS_MAX;

const { template: anyJsonTemplate } = fc.letrec<{ template: Sample<Json> }>((tie) => ({
  template: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(...PLACEHOLDERS).map((placeholder): Sample<Json> => ({
      template: placeholder,
      expected: (of) => jsonOf(placeholder, of),
    })),
    jsonText,
    fc.constantFrom('null', 'true', 'false', '0', '-0.5', '1e3', '12E-2').map((text): Sample<Json> => ({
      template: text,
      expected: () => JSON.parse(text) as Json,
    })),
    fc.tuple(fc.array(tie('template'), { maxLength: 3 }), blank).map(([items, space]): Sample<Json> => ({
      template: `[${space}${items.map(({ template }) => template).join(`${space},${space}`)}${space}]`,
      expected: (of) => items.map((item) => item.expected(of)),
    })),
    fc
      .tuple(fc.array(fc.tuple(jsonText, tie('template')), { maxLength: 3 }), blank)
      .map(([members, space]): Sample<Json> => ({
        template: `{${space}${members.map(([key, { template }]) => `${key.template}${space}:${space}${template}`).join(`${space},`)}${space}}`,
        expected: (of) =>
          Object.fromEntries(members.map(([key, value]) => [key.expected(of), value.expected(of)])),
      })),
  ),
}));

const jsonTemplate = anyJsonTemplate.filter(({ template }) => fewPlaceholders(template));

const body = (text: string, kind: TemplateKind, of: TemplateValues): string => {
  const template = parseTemplate(text, kind);
  if (isLeft(template)) throw new Error(`refused: ${template.left.reason}`);
  const rendered = renderTemplate(template.right, of);
  expect(rendered.isWellFormed()).toBe(true);
  return rendered;
};

// ---------------------------------------------------------------- filling

it('a JSON body has the structure of its template, and every value comes back out of it', () => {
  fc.assert(
    fc.property(jsonTemplate, values, (sample, of) => {
      expect(JSON.parse(body(sample.template, 'json', of))).toEqual(sample.expected(of));
    }),
    { numRuns: RUNS.json },
  );
});

it('a form body decodes to its fields, with every value in its place', () => {
  const serialized = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);
  const field = fc.tuple(textWith(serialized), textWith(serialized));
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 3 }), values, (fields, of) => {
      const template = fields.map(([name, value]) => `${name.template}=${value.template}`).join('&');
      const inForm = each(of, (text) => text.toWellFormed());
      expect([...new URLSearchParams(body(template, 'form', of))]).toEqual(
        fields.map(([name, value]) => [name.expected(inForm), value.expected(inForm)]),
      );
    }),
    { numRuns: RUNS.form },
  );
});

/** XML 1.0, production 2: what is left is what no document can hold. */
const NOT_IN_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };

const fromXml = (text: string | undefined): string | undefined =>
  text?.replace(
    /&(?:#(\d+)|(\w+));/g,
    (whole: string, number: string | undefined, name: string | undefined) =>
      number === undefined ? (NAMED[name ?? ''] ?? whole) : String.fromCharCode(Number(number)),
  );

it('an XML body keeps its markup, and decodes to every value', () => {
  const toXml = (text: string): string =>
    text.replace(/[&<>"'\t\r\n]/g, (char) => `&#${char.charCodeAt(0)};`);
  const text = textWith(
    toXml,
    literal.map((piece) => piece.replace(NOT_IN_XML, '')),
  );
  fc.assert(
    fc.property(text, text, values, (attribute, content, of) => {
      const template = `<!-- < --><a b="${attribute.template}" c='${attribute.template}'>${content.template}</a>`;
      const found = /^<!-- < --><a b="([^"<\t\n\r]*)" c='([^'<\t\n\r]*)'>([^<\t\n\r]*)<\/a>$/.exec(
        body(template, 'xml', of),
      );
      const inXml = each(of, (value) => value.replace(NOT_IN_XML, '\ufffd'));
      expect(found?.slice(1).map(fromXml)).toEqual(
        [attribute, attribute, content].map((sample) => sample.expected(inXml)),
      );
    }),
    { numRuns: RUNS.xml },
  );
});

// ---------------------------------------------------------------- judging

const FRAGMENTS = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '/',
    "'",
    '<',
    '>',
    '&',
    '=',
    '%',
    '<!--',
    '-->',
    '<![CDATA[',
    '<a b="',
  ],
  ...[...PLACEHOLDERS, '@@', '@', '@foo', '"@data"', '"\\@data"', '@data-', '{@data:1}', '"a":'],
  ...['0', '1', '-', '.5', 'e1', 'true', 'null', 'nul', 'a', 'u00', '41', 'é', '🎫', ' ', '\n', '\t', '\r\n'],
] as const;

const soup = fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 12 }).map((pieces) => pieces.join(''));

/** A good template with something cut out and something put in, or nothing of the sort. */
const nearJson = fc
  .tuple(jsonTemplate, fc.nat(), fc.nat(3), fc.oneof(fc.constant(''), fc.constantFrom(...FRAGMENTS), soup))
  .map(([{ template }, where, cut, put]) => {
    const at = where % (template.length + 1);
    return (template.slice(0, at) + put + template.slice(at + cut)).toWellFormed();
  })
  .filter(fewPlaceholders);

/** A list is a value that can be glued to nothing, is no key and completes no escape; in a string it is just text. */
const withLists = (template: string): string | null => {
  const names = template.match(/@(?:@|[\p{L}][\p{L}\p{M}\p{N}_]*)/gu) ?? [];
  if (names.some((name) => name !== '@@' && !PLACEHOLDERS.some((known) => known === name))) return null;
  return template.replace(/@@|@(?:eventType|contextId|data)/g, (name) => (name === '@@' ? '@' : '[]'));
};

const isJson = (text: string | null): boolean => {
  try {
    JSON.parse(text ?? '');
    return true;
  } catch {
    return false;
  }
};

it('a JSON template is accepted exactly when it can be filled, and then whatever the values', () => {
  const judged = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(fc.oneof(nearJson, nearJson, soup), values, (template, of) => {
      const parsed = parseTemplate(template, 'json');
      expect(isRight(parsed)).toBe(isJson(withLists(template)));
      judged[isRight(parsed) ? 'accepted' : 'refused'] += 1;
      if (isRight(parsed)) expect(isJson(renderTemplate(parsed.right, of))).toBe(true);
    }),
    { numRuns: RUNS.judged },
  );
  expect(Math.min(judged.accepted, judged.refused)).toBeGreaterThan(RUNS.judged / 10);
});

it('any text is judged without throwing, and a refusal points into it', () => {
  const kind = fc.constantFrom<TemplateKind>('json', 'form', 'xml', 'text');
  const anything = fc.oneof(soup, anyText, fc.string({ unit: 'binary', maxLength: 200 }));
  fc.assert(
    fc.property(anything, kind, values, (text, of, filledWith) => {
      const parsed = parseTemplate(text, of);
      if (isRight(parsed)) {
        expect(renderTemplate(parsed.right, filledWith).isWellFormed()).toBe(true);
        return;
      }
      const { reason, offset, line, column } = parsed.left;
      expect(reason).toMatch(/\.$/);
      expect(reason.isWellFormed()).toBe(true);
      const before = text.slice(0, offset).split(/\r\n|\r|\n/);
      expect(offset).toBeLessThanOrEqual(text.length);
      expect([line, column]).toEqual([before.length, [...(before.at(-1) ?? '')].length + 1]);
    }),
    { numRuns: RUNS.anything },
  );
});
