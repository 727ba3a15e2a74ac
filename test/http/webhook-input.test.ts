import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { at, errorsOf, NEW_WEBHOOK, openWorld, type Sent, type World } from './harness.ts';

/** What POST /webhook refuses. Nothing of it is ever stored. */

let world: World;
let head: number;
beforeAll(async () => {
  world = await openWorld();
});
beforeEach(async () => {
  head = await world.head();
});
afterAll(() => world.close());

const refused = async (sent: Sent, status: number): Promise<Readonly<Record<string, string>>> => {
  const got = await world.api('POST', '/webhook', sent);
  expect(got.status).toBe(status);
  expect(await world.head()).toBe(head);
  return errorsOf(got);
};

describe('a field', () => {
  it.each<[string, unknown]>([
    ['name', ''],
    ['name', '   '],
    ['name', 'n'.repeat(256)],
    ['name', 'n'.repeat(10_000)],
    ['name', 'two\nlines'],
    ['name', 'nul\u0000'],
    ['name', 'c1\u0085'],
    ['name', '\ud800 alone'],
    ['name', 7],
    ['name', ['a']],
    ['name', null],
    ['url', ''],
    ['url', 'example.com'],
    ['url', 'ftp://example.com/'],
    ['url', 'http://127.0.0.1/'],
    ['url', 'http://[::1]/'],
    ['url', 'http://2130706433/'],
    ['url', 'http://169.254.169.254/latest/meta-data'],
    ['url', 'https://user:pass@example.com/'],
    ['url', 'https://example.com/#fragment'],
    ['url', 'https://example.com:22/'],
    ['url', `https://example.com/${'x'.repeat(10_000)}`],
    ['url', 1],
    ['url', { href: 'https://example.com/' }],
    ['resource', 'invoice'],
    ['resource', 'Shop'],
    ['resource', ['shop']],
    ['resource', 'toString'],
    ['trigger', 'explode'],
    ['trigger', 'scan'],
    ['trigger', ''],
    ['retries', -1],
    ['retries', '-1'],
    ['retries', 1.5],
    ['retries', '1.5'],
    ['retries', 31],
    ['retries', '31'],
    ['retries', 1e9],
    ['retries', '1e3'],
    ['retries', 'many'],
    ['retries', ' 3'],
    ['retries', '٣'],
    ['retries', ''],
    ['retries', true],
    ['retries', [3]],
    ['identifier', 'i'.repeat(256)],
    ['identifier', 5],
    ['identifier', 'tab\t'],
    ['triggered_by_child_resources', 'yes'],
    ['triggered_by_child_resources', 2],
    ['triggered_by_child_resources', []],
    ['company_id', 'mine'],
    ['company_id', 12],
  ])('%s is not %j', async (field, value) => {
    const errors = await refused({ json: { ...NEW_WEBHOOK, [field]: value } }, 422);
    expect(Object.keys(errors)).toEqual([field]);
  });

  it.each(['name', 'url', 'resource', 'trigger'])('%s is required', async (field) => {
    const { [field]: _left, ...json } = NEW_WEBHOOK as Readonly<Record<string, unknown>>;
    expect(await refused({ json }, 422)).toEqual({ [field]: 'is required' });
  });

  it('is named along with all others that are wrong', async () => {
    const errors = await refused({ json: { name: '', url: 'x', retries: '1.5', identifier: 1 } }, 422);
    expect(Object.keys(errors).sort()).toEqual([
      'identifier',
      'name',
      'resource',
      'retries',
      'trigger',
      'url',
    ]);
  });

  it('of a form is not a file, nor given twice', async () => {
    const form = new FormData();
    for (const [name, value] of Object.entries(NEW_WEBHOOK)) form.set(name, String(value));
    form.append('trigger', 'paid');
    expect(Object.keys(await refused({ body: form }, 422))).toEqual(['trigger']);
    form.set('trigger', 'create');
    form.set('url', new Blob(['https://example.com/']), 'url.txt');
    expect(await refused({ body: form }, 422)).toEqual({ url: 'must be a text, not a file' });
  });

  it('of a form stands among a bounded number of others', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const tooMany = { body: 'must have at most 1000 form fields' };
    expect(await refused({ headers, body: 'a&'.repeat(500_000) }, 422)).toEqual(tooMany);
    const form = new FormData();
    for (let part = 0; part < 1_001; part += 1) form.append('name', 'a');
    expect(await refused({ body: form }, 422)).toEqual(tooMany);
    expect(await refused({ headers, body: 'name=a&'.repeat(999) }, 422)).toMatchObject({
      name: 'must be a text',
    });
  });
});

describe('the detail of a problem', () => {
  it('is one sentence, whether or not the messages in it are', async () => {
    const json = { ...NEW_WEBHOOK, url: 'http://169.254.169.254/', retries: 'many' };
    const got = await world.api('POST', '/webhook', { json });
    expect(at(got, 'detail')).toMatch(/^url: .+ that the Internet can reach; retries: must be .+[^.]\.$/);
  });
});

describe('a webhook that could never fire', () => {
  it('is refused on trigger, with what could', async () => {
    const json = { ...NEW_WEBHOOK, resource: 'ticket', trigger: 'paid' };
    expect(await refused({ json }, 422)).toEqual({
      trigger:
        'a webhook on ticket would never hear of paid; possible: create, update, delete, relation, reorder',
    });
  });

  it('is said along with what else is wrong', async () => {
    const json = { ...NEW_WEBHOOK, trigger: 'reorder', retries: 'many' };
    expect(Object.keys(await refused({ json }, 422))).toEqual(['retries', 'trigger']);
  });

  it('counts what related resources bring, when asked for', async () => {
    const json = { ...NEW_WEBHOOK, resource: 'scanner', trigger: 'paid', triggered_by_child_resources: true };
    expect((await refused({ json }, 422))['trigger']).toContain('possible: scan');
  });
});

describe('a body', () => {
  const text = (body: string, contentType = 'application/json'): Sent => ({
    body,
    headers: { 'content-type': contentType },
  });

  it.each(['', '{', '{"name": "x",}', 'name=x', '{"name": "x"} {}', '\u0000', '{"a": NaN}'])(
    'that is not JSON is refused: %j',
    async (body) => {
      await refused(text(body), 400);
    },
  );

  it('is told where its JSON breaks', async () => {
    const got = await world.api('POST', '/webhook', text('{\n  "name": x\n}'));
    expect(got.body).toMatchObject({ detail: 'The body is not valid JSON at line 2, column 11.' });
  });

  it.each(['[]', '"text"', '7', 'null', 'true', '[{"name": "x"}]'])(
    'of JSON but not an object is refused: %s',
    async (body) => {
      expect(await refused(text(body), 422)).toEqual({ body: 'must be a JSON object' });
    },
  );

  it('that is not UTF-8 is refused', async () => {
    const body = new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    await refused({ body, headers: { 'content-type': 'application/json' } }, 400);
  });

  it('may start with a byte order mark', async () => {
    const got = await world.api('POST', '/webhook', text(`\ufeff${JSON.stringify(NEW_WEBHOOK)}`));
    expect(got.status).toBe(201);
  });

  it('of a form that is not UTF-8 is refused', async () => {
    const part = '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\r\n--x--\r\n';
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    await refused({ body: Buffer.from(part, 'latin1'), headers }, 400);
  });

  it('of a broken multipart form is refused', async () => {
    await refused(text('--x\r\nnonsense', 'multipart/form-data; boundary=x'), 400);
    await refused(text('anything', 'multipart/form-data'), 400);
  });

  it.each([
    'text/plain',
    'application/xml',
    'application/merge-patch+json',
    'nonsense',
    'application/json; charset=utf-16',
  ])('of type %s is refused, naming what is taken', async (contentType) => {
    const got = await world.api('POST', '/webhook', text('{}', contentType));
    expect(got.status).toBe(415);
    expect(got.headers.get('accept')).toBe(
      'application/json, application/x-www-form-urlencoded, multipart/form-data',
    );
    expect(await world.head()).toBe(head);
  });

  it('without a type is refused', async () => {
    await refused({ body: new TextEncoder().encode('{}') }, 415);
    await refused({}, 415);
  });

  it.each(['gzip', 'br', 'gzip, identity'])('with the encoding %s is refused', async (encoding) => {
    await refused(
      { ...text('{}'), headers: { 'content-type': 'application/json', 'content-encoding': encoding } },
      415,
    );
  });

  it('over 1 MiB is refused, whether its length is told or not', async () => {
    const json = JSON.stringify({ ...NEW_WEBHOOK, filler: 'x'.repeat(1024 * 1024) });
    await refused(text(json), 413);
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let n = 0; n < 20; n += 1) controller.enqueue(new Uint8Array(64 * 1024).fill(32));
        controller.close();
      },
    });
    await refused({ body: stream, headers: { 'content-type': 'application/json' } }, 413);
  });

  it('of exactly 1 MiB is read', async () => {
    const json = JSON.stringify(NEW_WEBHOOK);
    const got = await world.api('POST', '/webhook', text(json.padEnd(1024 * 1024)));
    expect(got.status).toBe(201);
  });

  it('nested deeper than 64 levels is refused, and 64 are not', async () => {
    const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    expect(Object.values(await refused(text(deep(65)), 422))).toEqual([
      'must not be nested more than 64 levels deep',
    ]);
    expect(Object.keys(await refused(text(deep(64)), 422))).not.toContain('a.a');
    await refused(text(`${'['.repeat(500_000)}`), 400);
    await refused(text(`${'['.repeat(400_000)}${']'.repeat(400_000)}`), 422);
  });

  it.each([
    ['{"__proto__": {"admin": true}}', '__proto__'],
    ['{"a": [{"\\u005f_proto__": 1}]}', 'a[0].__proto__'],
    ['{"constructor": {"prototype": {"admin": true}}}', 'constructor.prototype'],
  ])('with a key that reaches for a prototype is refused: %s', async (body, field) => {
    expect(await refused(text(body), 422)).toEqual({ [field]: 'is not taken as a key' });
    expect(({} as Readonly<Record<string, unknown>>)['admin']).toBeUndefined();
  });
});
