import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorld, OTHER_COMPANY, type World } from './harness.ts';
import { clientsOf, CLIENT, errorsIn, NEW, post, trySave, viewerIn } from './graphql.ts';

let world: World;
let token: string;
beforeEach(async () => {
  world = await openWorld();
  token = (await clientsOf(world, OTHER_COMPANY)).own;
});
afterEach(() => world.close());

/** The two requests of the vendor's page "Webhooks", character by character but for the token. */
const printed = (systemEventType: string): string =>
  String.raw`mutation {
viewer(token: "your-token-here") {
saveWebhook(webhook: {
client: {
id: 6080,
},
url: "https://webhook.site/36b55298-164a-43e0-83a4-fe9599399892",
headers: {
items: [
{
name: "Content-Type",
value: "application/json"
}
]
},
body: "{ \"eventType\": \"@eventType\", \"contextId\": @contextId, \"data\": @data}",
systemEventTypes: {
items: [
{
systemEventType: ORDER_SAVED
}
]
},
enabled: true
}) {
id
client{
id
}
url
headers{
items{
id
name
value
}
}
body
systemEventTypes{
items{
id
systemEventType
}
}
enabled
}
}
}`
    .replace('your-token-here', token)
    .replace('ORDER_SAVED', systemEventType);

const answered = (systemEventType: string, id: number) => ({
  data: {
    viewer: {
      saveWebhook: {
        id,
        client: { id: CLIENT },
        url: 'https://webhook.site/36b55298-164a-43e0-83a4-fe9599399892',
        headers: { items: [{ id: id + 1, name: 'Content-Type', value: 'application/json' }] },
        body: '{ "eventType": "@eventType", "contextId": @contextId, "data": @data}',
        systemEventTypes: { items: [{ id: id + 2, systemEventType }] },
        enabled: true,
      },
    },
  },
});

describe('the printed requests', () => {
  it.each(['ORDER_SAVED', 'EVENT_SAVED'])('on %s are answered as they ask', async (systemEventType) => {
    const got = await post(world, printed(systemEventType), { token: null });
    expect(JSON.stringify(got.body)).toBe(JSON.stringify(answered(systemEventType, 1)));
    expect(got.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(got.headers.get('cache-control')).toBe('no-store');
  });

  it('make one webhook after the other', async () => {
    expect((await post(world, printed('ORDER_SAVED'), { token: null })).body).toEqual(
      answered('ORDER_SAVED', 1),
    );
    expect((await post(world, printed('EVENT_SAVED'), { token: null })).body).toEqual(
      answered('EVENT_SAVED', 4),
    );
  });

  it('make a webhook with three retries that the rest of the API knows by its guid', async () => {
    const saved = await post(world, printed('ORDER_SAVED').replace('id\nclient', 'id guid client'), {
      token: null,
    });
    const guid = (viewerIn(saved)['saveWebhook'] as { guid: string }).guid;
    const known = await world.deps.webhooks.get(guid);
    expect(known).toMatchObject({
      right: {
        webhook: { situation: 'enabled', facts: { settings: { name: '', retries: 3, retryBaseMs: null } } },
      },
    });
    expect((await world.api('GET', `/webhook/${guid}/secret`)).status).toBe(200);
    expect((await world.api('GET', `/webhook/${guid}`)).status).toBe(404);
    expect((await world.api('GET', '/webhook')).body).toEqual({ items: [], next: null });
  });
});

describe('the printed error', () => {
  it('has its message, its place, and null for the field that failed', async () => {
    const query = printed('ORDER_SAVED').replace(/url: ".*"/, 'url: null');
    const got = await post(world, query, { token: null });
    expect(got.body).toEqual({
      errors: [
        {
          message: `Validation errors: ${JSON.stringify({
            valid: false,
            itemResults: {
              webhook: {
                valid: false,
                resultsList: {
                  url: { errors: ['is required and cannot be null'], typeName: 'Webhook', fieldName: 'url' },
                },
                fields: { url: 'url is required and cannot be null' },
              },
            },
          })}`,
          locations: [{ line: 3, column: 1 }],
          path: ['viewer', 'saveWebhook'],
          extensions: {
            code: 'invalid-value',
            errors: [{ field: 'url', message: 'is required and cannot be null' }],
          },
          unhandledException: false,
        },
      ],
      data: { viewer: { saveWebhook: null } },
    });
  });

  it('of a store that is away says to try again, and when', async () => {
    world.storeIsAway = true;
    const got = await trySave(world, token, NEW);
    expect(got.headers.get('retry-after')).toBe('5');
    expect(errorsIn(got)).toMatchObject([
      {
        message: expect.stringContaining('again in 5 seconds') as string,
        extensions: { code: 'store-not-available' },
        unhandledException: false,
      },
    ]);
    expect(JSON.stringify(got.body)).not.toContain('inner words');
    expect(world.logged).toHaveLength(1);
  });

  it('of a server that is not ready says so', async () => {
    world.health = { ready: false, reasons: ['starting'] };
    const got = await trySave(world, token, NEW);
    expect(got.headers.get('retry-after')).toBe('5');
    expect(errorsIn(got)).toMatchObject([{ extensions: { code: 'store-not-available' } }]);
  });

  it('of a defect shows an id and nothing inner', async () => {
    await world.close();
    world = await openWorld((deps) => ({
      ...deps,
      readModels: {
        ...deps.readModels,
        moshtixWebhook: () => {
          throw new Error('secret inner words');
        },
      },
    }));
    const own = (await clientsOf(world, OTHER_COMPANY)).own;
    await trySave(world, own, NEW);
    const got = await post(world, '{ viewer { webhook(id: 1) { id } } }', { token: own });
    const [error] = errorsIn(got);
    expect(error).toMatchObject({
      path: ['viewer', 'webhook'],
      extensions: { code: 'internal' },
      unhandledException: true,
    });
    expect(JSON.stringify(got.body)).not.toContain('inner words');
    const [logged] = world.logged;
    expect(error?.message).toContain(logged?.fields['id'] as string);
    expect(String(logged?.fields['error'])).toContain('secret inner words');
  });
});
