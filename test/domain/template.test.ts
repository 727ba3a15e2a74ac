import { isLeft, isRight } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import {
  parseTemplate,
  PLACEHOLDERS_MAX,
  renderTemplate,
  TEMPLATE_BYTES_MAX,
  type TemplateKind,
  templateKindOf,
  type TemplateRefusal,
  type TemplateValues,
} from '../../src/domain/template.ts';

const PRINTED = '{ "eventType": "@eventType", "contextId": @contextId, "data": @data}';

const ORDER_SAVED: TemplateValues = {
  eventType: 'order-saved-prepare-full-message',
  contextId: '37228036',
  dataJson: '{}',
};

const filled = (text: string, values: Partial<TemplateValues> = {}, kind: TemplateKind = 'json'): string => {
  const template = parseTemplate(text, kind);
  if (isLeft(template)) throw new Error(`${text} is refused: ${template.left.reason}`);
  return renderTemplate(template.right, { ...ORDER_SAVED, ...values });
};

const refused = (text: string, kind: TemplateKind = 'json'): TemplateRefusal => {
  const template = parseTemplate(text, kind);
  if (isRight(template)) throw new Error(`${text} is accepted`);
  return template.left;
};

/** Code unit 0xD800 to 0xDFFF without its other half. */
const HIGH = '\ud83c';
const LOW = '\udfab';

describe('the kind of a body', () => {
  it.each<[string | undefined, TemplateKind]>([
    [undefined, 'json'],
    ['', 'json'],
    ['application/json', 'json'],
    ['Application/JSON; charset=utf-8', 'json'],
    [' text/json ', 'json'],
    ['application/vnd.partner.v1+json;profile="a;b"', 'json'],
    ['application/x-www-form-urlencoded', 'form'],
    ['application/x-www-form-urlencoded;charset=UTF-8', 'form'],
    ['application/xml', 'xml'],
    ['text/xml; charset=utf-8', 'xml'],
    ['application/soap+xml', 'xml'],
    ['text/html', 'other'],
    ['application/xhtml+xml', 'xml'],
    ['text/plain', 'text'],
    ['application/jsonp', 'other'],
    ['application/json-seq', 'json'],
    ['multipart/form-data; boundary=x', 'other'],
    ['nonsense', 'other'],
  ])('of %s is %s', (contentType, kind) => {
    expect(templateKindOf(contentType)).toBe(kind);
  });
});

describe('a JSON template', () => {
  it('fills the printed one byte for byte', () => {
    expect(filled(PRINTED)).toBe(
      '{ "eventType": "order-saved-prepare-full-message", "contextId": 37228036, "data": {}}',
    );
  });

  it.each<[string, Partial<TemplateValues>, string]>([
    ['@data', { dataJson: ' {"a" : 1.0} ' }, ' {"a" : 1.0} '],
    ['@eventType', { eventType: 'say "hi"' }, '"say \\"hi\\""'],
    ['"@data"', { dataJson: '{"a":"\\n"}' }, '"{\\"a\\":\\"\\\\n\\"}"'],
    ['"id @contextId, @eventType"', { eventType: 'a\\' }, '"id 37228036, a\\\\"'],
    ['{"@contextId": [@contextId, @contextId]}', {}, '{"37228036": [37228036, 37228036]}'],
    ['{"@eventType": 1, "order": 2}', { eventType: 'order' }, '{"order": 1, "order": 2}'],
    ['"@data-x"', {}, '"{}-x"'],
    ['"a@@example.com @ 5 @1 @"', {}, '"a@example.com @ 5 @1 @"'],
    ['"@@data @@@data"', {}, '"@data @{}"'],
    ['"\\u0040data \\\\@data"', {}, '"\\u0040data \\\\{}"'],
    ['"@eventType@contextId"', { eventType: '@data' }, '"@data37228036"'],
    ['[@eventType, @contextId]', { eventType: '@@', contextId: '@data' }, '["@@", "@data"]'],
    ['\t{"ok": true}\r\n', {}, '\t{"ok": true}\r\n'],
    ['[-0.5e+3, null, false, [], {}]', {}, '[-0.5e+3, null, false, [], {}]'],
  ])('%s with %o gives %s', (template, values, body) => {
    expect(filled(template, values)).toBe(body);
  });

  it.each([
    ['0', '0'],
    ['7', '7'],
    ['9007199254740991', '9007199254740991'],
    ['9007199254740992', '"9007199254740992"'],
    ['9007199254740993', '"9007199254740993"'],
    ['9'.repeat(400), `"${'9'.repeat(400)}"`],
    ['007', '"007"'],
    ['00', '"00"'],
    ['-1', '"-1"'],
    ['1.5', '"1.5"'],
    ['1e3', '"1e3"'],
    [' 1', '" 1"'],
    ['1\n', '"1\\n"'],
    ['٣', '"٣"'],
    ['', '""'],
    ['true', '"true"'],
    ['a"b', '"a\\"b"'],
  ])('writes the identifier %s as %s', (contextId, json) => {
    expect(filled('@contextId', { contextId })).toBe(json);
  });

  it('writes half of a surrogate pair as an escape', () => {
    const values = { eventType: `a${HIGH}`, contextId: LOW, dataJson: `["${LOW}"]` };
    expect(filled('[@eventType, @contextId, @data]', values)).toBe('["a\\ud83c", "\\udfab", ["\\udfab"]]');
    expect(filled('"@eventType @data"', values)).toBe('"a\\ud83c [\\"\\udfab\\"]"');
  });

  it.each<[string, number, string]>([
    ['', 0, 'The template is empty'],
    [' \n ', 3, 'The template is empty'],
    ['{"a": @data,}', 12, 'Remove the comma before this }.'],
    ['[@data, ]', 8, 'Remove the comma before this ].'],
    ['{@eventType: 1}', 1, 'A key must stand in double quotes, a placeholder too'],
    ['{"a": 1, @eventType: 1}', 9, 'A key must stand in double quotes'],
    ['{a: 1}', 1, '"a" means nothing in JSON outside double quotes'],
    ['{1: 1}', 1, 'A key in double quotes must stand here'],
    ['{"a": @data@data}', 11, 'A comma or } must stand here. A placeholder outside double quotes is a whole'],
    ['[1@contextId]', 2, 'A comma or ] must stand here. A placeholder outside double quotes is a whole'],
    ['[@contextId 1]', 12, 'A comma or ] must stand here. A placeholder'],
    ['[-@contextId]', 1, '"-" means nothing in JSON'],
    ['[@contextId.5]', 11, '"." means nothing in JSON'],
    ['@contextId@contextId', 10, 'The JSON value is complete before this: remove the rest. A placeholder'],
    ['{} {}', 3, 'The JSON value is complete before this'],
    ['[1 2]', 3, 'A comma or ] must stand here.'],
    ['[01]', 2, 'A comma or ] must stand here.'],
    ['[1.]', 2, '"." means nothing in JSON'],
    ['[+1]', 1, '"+" means nothing in JSON'],
    ['{"a" @data}', 5, 'A colon must stand here'],
    ['{"a": }', 6, 'A value must stand here'],
    ['[,1]', 1, 'A value must stand here'],
    ['{"a": 1', 7, 'The template ends inside an object: complete it and close it with }.'],
    ['[[@data]', 8, 'The template ends inside a list: complete it and close it with ].'],
    ['[1}', 2, 'A comma or ] must stand here.'],
    ['}', 0, 'A value must stand here'],
    ["{'a': 1}", 1, '"\'" means nothing in JSON'],
    ['[🎫]', 1, '"🎫" means nothing in JSON'],
    ['\ufeff{}', 0, 'means nothing in JSON'],
    ['[nul]', 1, '"n" means nothing in JSON'],
    ['[nullx]', 5, '"x" means nothing in JSON'],
    ['[@@]', 1, '"@" means nothing in JSON'],
    ['["@@", @@]', 7, '"@" means nothing in JSON'],
    ['"\\@data"', 1, 'A backslash begins an escape'],
    ['"\\@@"', 1, 'A backslash begins an escape'],
    ['"\\u00@data"', 1, 'A backslash begins an escape'],
    ['"\\x"', 1, 'A backslash begins an escape'],
    ['"\\', 1, 'A backslash begins an escape'],
    ['["@data]', 1, 'This text is never closed'],
    ['"a\tb"', 2, 'Text in JSON holds no line breaks'],
    ['"@data@@\n"', 8, 'Text in JSON holds no line breaks'],
  ])('refuses %s at %i', (template, offset, reason) => {
    const refusal = refused(template);
    expect(refusal.reason).toContain(reason);
    expect(refusal.offset).toBe(offset);
  });

  it('may be 64 levels deep, and no deeper', () => {
    const nested = (depth: number): string => `${'[{"a":'.repeat(depth / 2)}@data${'}]'.repeat(depth / 2)}`;
    expect(JSON.parse(filled(nested(64)))).toBeInstanceOf(Array);
    expect(refused(`[${nested(64)}]`)).toMatchObject({
      reason: 'The template is nested deeper than 64 levels: flatten it.',
      offset: 1 + 31 * 6 + 1,
    });
    expect(refused('['.repeat(TEMPLATE_BYTES_MAX)).offset).toBe(64);
  });
});

const KINDS: ReadonlyArray<TemplateKind> = ['json', 'form', 'xml', 'text'];

describe.each(KINDS)('a template of kind %s', (kind) => {
  const around = (text: string): string => (kind === 'json' ? `"${text}"` : text);
  const at = around('').length / 2;

  it.each([
    ['@foo', '@foo'],
    ['@eventtype', '@eventtype'],
    ['@EventType', '@EventType'],
    ['@dataset', '@dataset'],
    ['@data_x', '@data_x'],
    ['@data1', '@data1'],
    ['@datané', '@datané'],
    ['@été', '@été'],
    ['a@example.com', '@example'],
    ['@@@foo', '@foo'],
    [`@${'x'.repeat(60)}`, `@${'x'.repeat(39)}…`],
  ])('refuses the unknown placeholder in %s', (text, shown) => {
    const refusal = refused(around(text), kind);
    expect(refusal.reason).toBe(
      `There is no placeholder ${shown}: use @eventType, @contextId or @data, or write @@ for a literal @.`,
    );
    expect(refusal.offset).toBe(at + text.lastIndexOf('@'));
  });

  it('writes @@ as @, and leaves an @ alone that no letter follows', () => {
    expect(filled(around('a@@example.com @ @5 @@@@'), {}, kind)).toBe(around('a@example.com @ @5 @@'));
  });

  it('may hold no placeholder', () => {
    expect(filled(around('constant'), {}, kind)).toBe(around('constant'));
  });

  it('refuses NUL', () => {
    expect(refused(around('ab\0'), kind)).toMatchObject({
      reason: 'The template holds a NUL character: remove it.',
      offset: at + 2,
    });
  });

  it('refuses half of a surrogate pair', () => {
    expect(refused(around(`🎫${LOW}${HIGH}`), kind)).toMatchObject({
      reason: 'The template holds half of a surrogate pair: remove it, or write the whole character.',
      offset: at + 2,
      column: at + 2,
    });
  });

  it('holds 64 KiB of UTF-8, and refuses more at the first character too many', () => {
    const longest = around('🎫'.repeat(TEMPLATE_BYTES_MAX / 4 - 1) + 'x'.repeat(4 - 2 * at));
    expect(Buffer.byteLength(longest)).toBe(TEMPLATE_BYTES_MAX);
    expect(filled(longest, {}, kind)).toBe(longest);
    expect(refused(`${longest}x`, kind)).toMatchObject({
      reason: 'The template is longer than 65,536 bytes of UTF-8: shorten it.',
      offset: longest.length,
    });
    const tooWide = `${'x'.repeat(TEMPLATE_BYTES_MAX - 1)}é`;
    expect(refused(tooWide, kind).offset).toBe(TEMPLATE_BYTES_MAX - 1);
  });
});

describe('the place of a refusal', () => {
  it.each<[string, number, number]>([
    ['{"a": @foo}', 1, 7],
    ['{\n  "a": @data,\n}', 3, 1],
    ['{\r\n  "a": @foo}', 2, 8],
    ['{\r  "a": @foo}', 2, 8],
    ['{"🎫": @foo}', 1, 7],
    ['{"@@": @data,\n"@data": "@eventType@@" "@contextId"}', 2, 25],
    ['{"a": 1,\n\n', 3, 1],
  ])('in %j is line %i, column %i', (template, line, column) => {
    expect(refused(template)).toMatchObject({ line, column });
  });
});

describe('a form template', () => {
  it('percent-encodes values as the URL standard does, and leaves the rest alone', () => {
    expect(
      filled(
        'type=@eventType&id=@contextId&data=@data&mail=a@@b c',
        { eventType: 'a b&c=d+e%@~*-._é', contextId: '007', dataJson: '{"a":[1]}' },
        'form',
      ),
    ).toBe('type=a+b%26c%3Dd%2Be%25%40%7E*-._%C3%A9&id=007&data=%7B%22a%22%3A%5B1%5D%7D&mail=a@b c');
  });

  it('replaces half of a surrogate pair', () => {
    expect(filled('@eventType', { eventType: `${HIGH}x` }, 'form')).toBe('%EF%BF%BDx');
  });

  it('may be empty', () => {
    expect(filled('', {}, 'form')).toBe('');
  });

  it.each([
    ['a=%@contextId', 3],
    ['a=%2@contextId', 4],
    ['%f@eventType', 2],
  ])('refuses a placeholder in the middle of an escape: %s', (template, offset) => {
    const refusal = refused(template, 'form');
    expect(refusal.reason).toContain('write %25 for a literal %');
    expect(refusal.offset).toBe(offset);
  });

  it('takes a placeholder behind a whole escape', () => {
    expect(filled('a=%25@contextId%', {}, 'form')).toBe('a=%2537228036%');
  });
});

describe('an XML template', () => {
  it.each<[string, Partial<TemplateValues>, string]>([
    ['<a>@eventType</a>', { eventType: `<b>&"']]>` }, '<a>&lt;b&gt;&amp;&quot;&#39;]]&gt;</a>'],
    [
      '<a b="@contextId" c = \'@data\'/>',
      { dataJson: '{"x":1}' },
      `<a b="37228036" c = '{&quot;x&quot;:1}'/>`,
    ],
    ['<a b="x>y @contextId">@contextId</a>', {}, '<a b="x>y 37228036">37228036</a>'],
    [
      '@eventType',
      { eventType: '\t\n\r\x0b\x1b\ufffe\uffff\0' },
      '&#9;&#10;&#13;\ufffd\ufffd\ufffd\ufffd\ufffd',
    ],
    ['@eventType', { eventType: `${HIGH}🎫\x7f\u2028` }, '\ufffd🎫\x7f\u2028'],
    [
      '<?xml version="1.0"?><!-- a<b --><![CDATA[<x>]]>@contextId',
      {},
      '<?xml version="1.0"?><!-- a<b --><![CDATA[<x>]]>37228036',
    ],
    [
      '<!DOCTYPE a [<!ENTITY b "]>"><!-- \' --><?p >?>]><a>@contextId</a>',
      {},
      '<!DOCTYPE a [<!ENTITY b "]>"><!-- \' --><?p >?>]><a>37228036</a>',
    ],
    ['<script src="@contextId"/><b>@contextId</b>', {}, '<script src="37228036"/><b>37228036</b>'],
    ['<script>if (a<b) "</b>"</script>@contextId', {}, '<script>if (a<b) "</b>"</script>37228036'],
    ['<scripts>@contextId</scripts>', {}, '<scripts>37228036</scripts>'],
    ['&amp;@contextId &lt; & @contextId', {}, '&amp;37228036 &lt; & 37228036'],
    ['', {}, ''],
  ])('%s with %o gives %s', (template, values, body) => {
    expect(filled(template, values, 'xml')).toBe(body);
  });

  it.each<[string, string, string]>([
    ['<!-- ', '@data -->', 'Escaping does not work in a comment'],
    ['<!--> ', '@data', 'Escaping does not work in a comment'],
    ['<a><![CDATA[', '@data]]></a>', 'Escaping does not work in a CDATA section'],
    ['<?xml version="', '@contextId"?>', 'Escaping does not work in a processing instruction'],
    ['<!DOCTYPE ', '@eventType>', 'Escaping does not work in a declaration'],
    ['<!DOCTYPE a [<!ENTITY b "', '@data">]>', 'Escaping does not work in a declaration'],
    ['<script>f(', '@data)</script>', 'Escaping does not work in a script element'],
    ['<STYLE media="x">', '@data', 'Escaping does not work in a style element'],
    ['<', '@eventType/>', 'Inside a tag a placeholder may stand only in a quoted attribute value'],
    ['</', '@eventType>', 'Inside a tag'],
    ['<a ', '@eventType="1">', 'Inside a tag'],
    ['<a b=', '@contextId>', 'Inside a tag'],
    ['<a b="1"', '@contextId>', 'Inside a tag'],
    ['<a "', '@contextId">', 'Inside a tag'],
    ['<a b="\'" ', '@contextId c="\'">', 'Inside a tag'],
    ['1 < 2 ', '@contextId', 'Inside a tag'],
    ['&', '@eventType;', 'write &amp; for a literal &'],
    ['&#', '@contextId;', 'write &amp; for a literal &'],
    ['&#x3', '@contextId;', 'write &amp; for a literal &'],
    ['<a b="&', '@eventType;">', 'write &amp; for a literal &'],
  ])('refuses a placeholder behind %s', (before, after, reason) => {
    const refusal = refused(`@data@@${before}${after}`, 'xml');
    expect(refusal.reason).toContain(reason);
    expect(refusal.offset).toBe(7 + before.length);
  });
});

describe('a text template', () => {
  it('takes values as they are', () => {
    const values = { eventType: '<&"%\\\0', dataJson: '{"a": 1}' };
    expect(filled('@eventType\n@contextId: @data%@data', values, 'text')).toBe(
      '<&"%\\\0\n37228036: {"a": 1}%{"a": 1}',
    );
  });

  it('replaces half of a surrogate pair, two halves from two values too', () => {
    expect(filled('@eventType@contextId', { eventType: HIGH, contextId: LOW }, 'text')).toBe('\ufffd\ufffd');
  });

  it('may be empty', () => {
    expect(filled('', {}, 'text')).toBe('');
  });
});

describe('the number of placeholders', () => {
  it.each<[TemplateKind, string, string]>([
    ['json', '[', ']'],
    ['text', '', ''],
  ])('is bounded, so that a body is: %s', (kind, before, after) => {
    const of = (count: number): string =>
      before + Array.from({ length: count }, () => '@data').join(',') + after;
    expect(filled(of(PLACEHOLDERS_MAX), {}, kind)).toBe(of(PLACEHOLDERS_MAX).replaceAll('@data', '{}'));
    expect(refused(of(PLACEHOLDERS_MAX + 1), kind)).toMatchObject({
      reason: expect.stringContaining('more than 16 placeholders') as unknown,
      offset: before.length + 16 * '@data,'.length,
    });
  });
});

describe('a body whose escaping is not known', () => {
  it('may be anything without placeholders', () => {
    expect(filled('a,b@@c', {}, 'other')).toBe('a,b@c');
  });

  it('takes no placeholders', () => {
    expect(refused('<p>@contextId</p>', 'other')).toMatchObject({
      reason: expect.stringContaining('is not known') as unknown,
      offset: 3,
    });
  });
});
