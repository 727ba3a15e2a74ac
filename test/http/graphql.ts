import { expect } from 'vitest';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { at, type Got, type World } from './harness.ts';

/** What the GraphQL tests share. */

export const CLIENT = 6080;

export interface Asked {
  /** Sent as a header; the partner's with the client account when absent, null for none. */
  readonly token?: string | null;
  readonly variables?: unknown;
  readonly operationName?: string;
}

/** Tokens of the companies of the harness, with their client accounts. */
export interface Clients {
  readonly own: string;
  readonly other: string;
  readonly admin: string;
}

export const OTHER_CLIENT = 7000;

export const clientsOf = async (world: World, otherCompany: string): Promise<Clients> => ({
  own: await world.issue({ client: CLIENT }),
  other: await world.issue({ subject: 'other', companies: [otherCompany], client: OTHER_CLIENT }),
  admin: world.tokens.admin,
});

/** Every answer is 200, whatever is in it. */
export const post = async (
  world: World,
  query: string,
  asked: Asked & { token: string | null },
): Promise<Got> => {
  const { token, ...rest } = asked;
  const got = await world.api('POST', '/graphql', { token, json: { query, ...rest } });
  if (got.status !== 200) throw new Error(`${got.status} ${JSON.stringify(got.body)}`);
  return got;
};

export interface GraphqlError {
  readonly message: string;
  readonly locations?: ReadonlyArray<{ readonly line: number; readonly column: number }>;
  readonly path?: ReadonlyArray<string | number>;
  readonly extensions: {
    readonly code: string;
    readonly errors?: ReadonlyArray<{ readonly field: string; readonly message: string }>;
  };
  readonly unhandledException: boolean;
}

export const errorsIn = (got: Got): ReadonlyArray<GraphqlError> =>
  (at(got, 'errors') ?? []) as unknown as ReadonlyArray<GraphqlError>;

/** The fields that are named as wrong, with the words. */
export const wrongFields = (got: Got): Readonly<Record<string, string>> =>
  Object.fromEntries(
    errorsIn(got).flatMap(({ extensions }) =>
      (extensions.errors ?? []).map(({ field, message }) => [field, message]),
    ),
  );

/** `viewer` of an answer without errors. */
export const viewerIn = (got: Got): JsonObject => {
  if (errorsIn(got).length > 0) throw new Error(JSON.stringify(got.body));
  return (at(got, 'data') as JsonObject)['viewer'] as JsonObject;
};

export const field = (value: Json | undefined, ...path: ReadonlyArray<string | number>): Json =>
  path.reduce<Json>((inner, key) => (inner as JsonObject)[key] as Json, value as Json);

export const ALL = `id guid client { id } url headers { items { id name value } totalCount
  pageInfo { hasPreviousPage hasNextPage pageIndex pageSize } } body
  systemEventTypes { items { id systemEventType } totalCount } enabled createdDate updatedDate`;

const SAVE = `mutation Save($webhook: WebhookInput!) { viewer { saveWebhook(webhook: $webhook) { ${ALL} } } }`;

export const trySave = (world: World, token: string, webhook: unknown): Promise<Got> =>
  post(world, SAVE, { token, variables: { webhook } });

export const save = async (world: World, token: string, webhook: unknown): Promise<JsonObject> =>
  viewerIn(await trySave(world, token, webhook))['saveWebhook'] as JsonObject;

/** Saves, expects that nothing is stored, and gives the fields that are refused. */
export const refused = async (
  world: World,
  token: string,
  webhook: unknown,
): Promise<Readonly<Record<string, string>>> => {
  const before = await world.head();
  const got = await trySave(world, token, webhook);
  expect(errorsIn(got)).toHaveLength(1);
  expect(errorsIn(got)[0]?.message).toMatch(/^Validation errors: \{"valid":false,/);
  expect(got.body).toMatchObject({ data: { viewer: { saveWebhook: null } } });
  expect(await world.head()).toBe(before);
  return wrongFields(got);
};

export const NEW = {
  client: { id: CLIENT },
  url: 'https://example.com/hook',
  systemEventTypes: { items: [{ systemEventType: 'ORDER_SAVED' }] },
} as const;
