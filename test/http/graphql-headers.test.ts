import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { openWorld, OTHER_COMPANY, type World } from './harness.ts';
import { clientsOf, NEW, refused, save, trySave } from './graphql.ts';

let world: World;
let token: string;
beforeEach(async () => {
  world = await openWorld();
  token = (await clientsOf(world, OTHER_COMPANY)).own;
});
afterEach(() => world.close());

const refusedFields = (webhook: unknown) => refused(world, token, webhook);

describe('a header', () => {
  const headers = (...items: ReadonlyArray<JsonObject>) => ({ ...NEW, headers: { items } });

  it.each([
    'host',
    'Host',
    'CONNECTION',
    'content-length',
    'Transfer-Encoding',
    'te',
    'trailer',
    'upgrade',
    'expect',
    'keep-alive',
    'Accept-Encoding',
    'Proxy-Authorization',
    'proxy-connection',
    'webhook-id',
    'Webhook-Timestamp',
    'WEBHOOK-SIGNATURE',
  ])('%s is not the partner’s to set', async (name) => {
    expect(Object.keys(await refusedFields(headers({ name, value: 'x' })))).toEqual([
      'headers.items[0].name',
    ]);
  });

  it.each(['', 'a b', 'a:b', 'ä', 'a\r\nb', 'a\u0000', 'x'.repeat(256)])(
    'under a wrong name is refused (%#)',
    async (name) => {
      expect(Object.keys(await refusedFields(headers({ name, value: 'x' })))).toEqual([
        'headers.items[0].name',
      ]);
    },
  );

  it.each(['a\r\nX-Injected: 1', 'a\nb', 'a\rb', 'a\u0000b', 'é', '\u007f', '\ud800'])(
    'with a wrong value is refused (%#)',
    async (value) => {
      const fields = await refusedFields(headers({ name: 'X-A', value }));
      expect(Object.keys(fields)).toEqual(['headers.items[0].value']);
    },
  );

  it('never shows its value in an error', async () => {
    const got = await trySave(world, token, headers({ name: 'Authorization', value: 'hunter2\u0000' }));
    expect(JSON.stringify(got.body)).not.toContain('hunter2');
  });

  it('is there once, whatever the case of its name', async () => {
    const fields = await refusedFields(headers({ name: 'X-A', value: '1' }, { name: 'x-a', value: '2' }));
    expect(Object.keys(fields)).toEqual(['headers.items[1].name']);
  });

  it('is one of at most 50, and of 8 KiB together', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => ({ name: `X-${n}`, value: 'v' }));
    expect(Object.keys(await refusedFields(headers(...many(51))))).toEqual(['headers']);
    expect(await refusedFields(headers({ name: 'X-A', value: 'v'.repeat(8_186) }))).toEqual({
      headers: 'must be at most 8192 bytes together',
    });
    expect(await save(world, token, headers(...many(50)))).toMatchObject({ headers: { totalCount: 50 } });
    await save(world, token, headers({ name: 'X-A', value: 'v'.repeat(8_185) }));
  });

  it('may be the partner’s own User-Agent or Authorization, with spaces and tabs', async () => {
    const items = [
      { name: 'User-Agent', value: 'partner/1' },
      { name: 'Authorization', value: 'Basic \tabc=' },
    ];
    expect(await save(world, token, headers(...items))).toMatchObject({ headers: { items } });
  });
});
