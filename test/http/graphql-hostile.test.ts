import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, OTHER_COMPANY, type World } from './harness.ts';
import { ALL, type Clients, clientsOf, errorsIn, NEW, post, trySave } from './graphql.ts';

let world: World;
let clients: Clients;

const times = (count: number, text: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => text(n)).join(' ');

/** A chain of fragments, each spread twice in the one before: 2 to the power of `length` fields. */
const doubling = (length: number): string =>
  `{ viewer { ...f0 } } ${times(length, (n) => `fragment f${n} on Viewer { ...f${n + 1} ...f${n + 1} }`)}
   fragment f${length} on Viewer { webhooks { totalCount } }`;

const SAVE = 'mutation ($w: WebhookInput!) { viewer { saveWebhook(webhook: $w) { id } } }';
const LIST = '{ viewer { webhooks { totalCount } } }';

interface Hostile {
  readonly query: string;
  readonly variables?: unknown;
  readonly operationName?: string;
  /** What the first error says. */
  readonly says: RegExp;
}

const HOSTILE: Readonly<Record<string, Hostile>> = {
  // tokens, before anything is made of them
  'fields without end': { query: `{ ${times(5_000, () => 'viewer')} }`, says: /1000 tokens/ },
  'aliases without end': { query: `{ ${times(3_000, (n) => `a${n}: __typename`)} }`, says: /1000 tokens/ },
  'directives without end': { query: `{ __typename ${times(2_000, () => '@x')} }`, says: /1000 tokens/ },
  'values without end': {
    query: `{ viewer(token: [${times(5_000, () => '1')}]) { __typename } }`,
    says: /1000 tokens/,
  },
  'brackets without end': { query: `{ viewer(token: ${'['.repeat(50_000)}`, says: /1000 tokens/ },
  'selections without end': { query: `{ viewer ${'{ a '.repeat(20_000)}`, says: /1000 tokens/ },
  'a query of a megabyte': { query: `# ${'x'.repeat(110_000)}`, says: /at most 100000 characters/ },
  // what is written, and what fragments make of it
  levels: {
    query: `{ viewer { ${'webhooks { items { '.repeat(6)} id ${'} }'.repeat(6)} } }`,
    says: /deeper than 10/,
  },
  'levels in fragments': {
    query: `{ viewer { ...a } } fragment a on Viewer { webhooks { items { ...b } } }
      fragment b on Webhook { ${'a { '.repeat(7)} id ${'}'.repeat(7)} }`,
    says: /deeper than 10/,
  },
  'fields on the first level': {
    query: `{ ${times(6, (n) => `a${n}: viewer { __typename }`)} }`,
    says: /at most 5 fields on/,
  },
  fields: {
    query: `{ viewer { webhook(id: 1) { ${times(300, () => 'id')} } } }`,
    says: /at most 300 fields/,
  },
  'fields in a fragment that is not used': {
    query: `{ viewer { __typename } } fragment f on Webhook { ${times(301, () => 'id')} }`,
    says: /at most 300 fields/,
  },
  aliases: {
    query: `{ viewer { ${times(16, (n) => `a${n}: webhook(id: ${n}) { id }`)} } }`,
    says: /at most 15 aliases/,
  },
  'aliases in fragments': {
    query: `{ viewer { ...a ...a } } fragment a on Viewer { ${times(8, (n) => `a${n}: webhook(id: ${n}) { id }`)} }`,
    says: /at most 15 aliases/,
  },
  directives: {
    query: `{ viewer { ${times(11, () => '__typename @include(if: true)')} } }`,
    says: /at most 10 directives/,
  },
  variables: {
    query: `query (${times(31, (n) => `$v${n}: Int`)}) { viewer { __typename } }`,
    says: /at most 30 variables/,
  },
  'fragments that double': { query: doubling(60), says: /at most 300 fields/ },
  'a fragment in itself': {
    query: '{ viewer { ...a } } fragment a on Viewer { ...a }',
    says: /Cannot spread fragment "a" within itself/,
  },
  'fragments in a circle': {
    query:
      '{ viewer { ...a } } fragment a on Viewer { ...b } fragment b on Viewer { webhooks { totalCount } ...a }',
    says: /Cannot spread fragment "a" within itself/,
  },
  // rows
  'pages of pages': {
    query: '{ viewer { webhooks(pageSize: 200) { items { invocations(pageSize: 200) { items { id } } } } } }',
    says: /may cost 100000/,
  },
  'pages by variables': {
    query:
      'query ($n: Int) { viewer { webhooks(pageSize: $n) { items { invocations(pageSize: $n) { items { id } } } } } }',
    variables: { n: 200 },
    says: /may cost 100000/,
  },
  'pages by defaults of variables': {
    query:
      'query ($n: Int = 200) { viewer { webhooks(pageSize: $n) { items { invocations(pageSize: $n) { items { id } } } } } }',
    says: /may cost 100000/,
  },
  'pages by names': {
    query: `{ viewer { ${times(5, (n) => `w${n}: webhooks(pageSize: 200) { items { invocations(pageSize: 10) { items { id } } } }`)} } }`,
    says: /may cost 100000/,
  },
  // the document
  'several operations': {
    query: 'query a { viewer { __typename } } query b { viewer { __typename } }',
    operationName: 'a',
    says: /one operation/,
  },
  'an operation that is not there': { query: `query a ${LIST}`, operationName: 'b', says: /operationName/ },
  'no operation': { query: 'fragment a on Viewer { webhooks { totalCount } }', says: /no operation/ },
  'a subscription': { query: 'subscription { viewer { __typename } }', says: /no subscriptions/ },
  'types of its own': { query: `${LIST} type T { a: Int }`, says: /not executable/ },
  nothing: { query: '', says: /Syntax Error/ },
  'a query cut short': { query: '{ viewer { webhooks', says: /Syntax Error/ },
  'bytes that mean nothing': { query: '\u0000\u0007{', says: /Syntax Error/ },
  'half a surrogate pair': { query: '{ viewer(token: "\ud800") { __typename } }', says: /Syntax Error/ },
  // values
  'an unknown system event': {
    query:
      'mutation { viewer { saveWebhook(webhook: { systemEventTypes: { items: [{ systemEventType: ORDER_SAVE }] } }) { id } } }',
    says: /^Value "ORDER_SAVE" does not exist in "SystemEventType" enum\.$/,
  },
  'an unknown system event in a variable': {
    query: SAVE,
    variables: { w: { systemEventTypes: { items: [{ systemEventType: 'ORDER_SAVE' }] } } },
    says: /Value "ORDER_SAVE" does not exist in "SystemEventType" enum\.$/,
  },
  'a whole number that is too great': {
    query: '{ viewer { webhook(id: 2147483648) { id } } }',
    says: /32-bit/,
  },
  'a whole number of a thousand digits': {
    query: `{ viewer { webhook(id: ${'9'.repeat(1_000)}) { id } } }`,
    says: /32-bit/,
  },
  'a number that is not whole': { query: SAVE, variables: { w: { id: 1.5 } }, says: /Int cannot represent/ },
  'an id that is a text': { query: SAVE, variables: { w: { id: '1' } }, says: /Int cannot represent/ },
  'an unknown attribute': {
    query: SAVE,
    variables: { w: { uri: 'x' } },
    says: /Field "uri" is not defined by type "WebhookInput"\.$/,
  },
  'a text for a boolean': {
    query: SAVE,
    variables: { w: { enabled: 'yes' } },
    says: /Boolean cannot represent/,
  },
  'a variable that is missing': { query: SAVE, variables: {}, says: /"\$w" of required type/ },
  'thousands of values': {
    query: SAVE,
    variables: { w: { headers: { items: Array.from({ length: 5_000 }, () => ({})) } } },
    says: /at most 1000 values/,
  },
  'lists of lists of values': {
    query: SAVE,
    variables: { w: Array.from({ length: 100 }, () => Array.from({ length: 100 }, () => 1)) },
    says: /at most 1000 values/,
  },
  'hundreds of headers': {
    query: SAVE,
    variables: {
      w: {
        ...NEW,
        headers: { items: Array.from({ length: 300 }, (_, n) => ({ name: `X-${n}`, value: '' })) },
      },
    },
    says: /headers must be at most 50/,
  },
  'a header of a hundred thousand characters': {
    query: SAVE,
    variables: {
      w: { ...NEW, headers: { items: [{ name: 'x'.repeat(100_000), value: 'y'.repeat(100_000) }] } },
    },
    says: /headers\.items\[0\]\.name must have at most 255/,
  },
  'a template of brackets': {
    query: SAVE,
    variables: { w: { ...NEW, body: '['.repeat(60_000) } },
    says: /nested deeper/,
  },
  'a type twice and more': {
    query: SAVE,
    variables: {
      w: {
        ...NEW,
        systemEventTypes: { items: Array.from({ length: 400 }, () => ({ systemEventType: 'ORDER_SAVED' })) },
      },
    },
    says: /each type only once/,
  },
};

describe('the hostile corpus', () => {
  beforeAll(async () => {
    world = await openWorld();
    clients = await clientsOf(world, OTHER_COMPANY);
  });
  afterAll(() => world.close());

  it.each(Object.keys(HOSTILE))('refuses %s', async (name) => {
    const { says, ...rest } = HOSTILE[name] as Hostile;
    const got = await post(world, rest.query, { token: clients.own, ...rest });
    const [error] = errorsIn(got);
    expect(error?.message).toMatch(says);
    expect(error).toMatchObject({ unhandledException: false });
    expect(JSON.stringify(got.body)).not.toMatch(/Did you mean|node_modules|\.[jt]s:\d/);
    expect(JSON.stringify(got.body).length).toBeLessThan(30_000);
    expect(await world.head()).toBe(0);
    expect(world.logged).toEqual([]);
  });

  it('leaves room for what a partner needs', async () => {
    const roomy = [
      `{ viewer { webhooks { totalCount pageInfo { hasPreviousPage hasNextPage pageIndex pageSize } items { ${ALL}
        invocations { totalCount pageInfo { hasPreviousPage hasNextPage pageIndex pageSize }
          items { id status test systemEventType contextId scheduledAt nextAttemptAt settledAt
            attempts { totalCount items { number startedAt endedAt outcome statusCode error durationMs url address responseExcerpt } } } } } } } }`,
      '{ viewer { webhooks { items { id url headers { items { id name value } } invocations { items { id status } } } } } }',
      '{ viewer { webhooks(pageSize: 200) { items { id url body enabled headers { items { id name value } } systemEventTypes { items { id systemEventType } } } } } }',
      'query ($n: Int) { viewer { webhooks(pageSize: $n) { items { invocations(pageSize: $n) { items { id } } } } } }',
      `{ viewer { ${times(15, (n) => `w${n}: webhooks(pageIndex: ${n}) { totalCount }`)} } }`,
    ];
    for (const query of roomy) {
      const got = await post(world, query, { token: clients.own, variables: { n: 10 } });
      expect(errorsIn(got), query).toEqual([]);
    }
    const one =
      '{ viewer { webhook(id: 1) { invocations(pageSize: 200) { items { id attempts { items { number outcome statusCode error durationMs url address } } } } } } }';
    expect(errorsIn(await post(world, one, { token: clients.own }))).toMatchObject([
      { extensions: { code: 'not-found' } },
    ]);
  });

  it('does not name what was meant', async () => {
    for (const query of [
      '{ viewer { webhoks { totalCount } } }',
      '{ viewer { webhooks(pageSiz: 1) { totalCount } } }',
    ]) {
      const got = await post(world, query, { token: clients.own });
      expect(errorsIn(got)[0]?.message).toMatch(/"\.$/);
    }
  });

  it('is never a defect, whatever comes in', async () => {
    const word = fc.constantFrom(
      '{',
      '}',
      '(',
      ')',
      ':',
      '...',
      'on',
      'viewer',
      'webhooks',
      'items',
      'fragment',
      'Viewer',
      'saveWebhook',
      'webhook',
      'mutation',
      'null',
      '1',
      '"x"',
      '$w',
      '@skip',
      '[',
      ']',
      '!',
      'id',
      '=',
    );
    const query = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(word, { maxLength: 40 }).map((words) => words.join(' ')),
    );
    await fc.assert(
      fc.asyncProperty(query, fc.jsonValue(), async (sent, w) => {
        const got = await world.api('POST', '/graphql', {
          token: clients.own,
          json: { query: sent, variables: { w } },
        });
        expect(got.status).toBe(200);
        for (const error of errorsIn(got)) expect(error.unhandledException).toBe(false);
      }),
      { numRuns: 200 },
    );
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (w) => {
        for (const error of errorsIn(await trySave(world, clients.own, w)))
          expect(error.unhandledException).toBe(false);
      }),
      { numRuns: 100 },
    );
    expect(world.logged).toEqual([]);
  });
});
