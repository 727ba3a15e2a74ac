import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { isJsonObject, type Json, type JsonObject } from '../../src/domain/json.ts';
import { openApiDocument } from '../../src/http/openapi/document.ts';

/** Checks answers against the OpenAPI description: path, method, status, media type and body. */

const DOCUMENT = openApiDocument('0.0.0');
const paths = DOCUMENT['paths'] as Readonly<Record<string, JsonObject>>;

const ajv = new Ajv2020({
  strict: true,
  allErrors: true,
  allowUnionTypes: true,
  keywords: ['components', 'paths'],
});
addFormats.default(ajv);
// Not a schema itself: only what its references lead to is compiled.
ajv.addSchema(
  { $id: 'openapi', components: DOCUMENT['components'], paths: DOCUMENT['paths'] },
  undefined,
  false,
  false,
);

const patterns = Object.keys(paths).map((path) => ({
  path,
  pattern: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}/?$`),
}));

const documentedPath = (pathname: string): string | undefined =>
  (patterns.find(({ path }) => path === pathname) ?? patterns.find(({ pattern }) => pattern.test(pathname)))
    ?.path;

export interface Received {
  readonly method: string;
  readonly pathname: string;
  readonly status: number;
  readonly contentType: string;
  /** Parsed when it is JSON, else the text. */
  readonly body: Json;
}

/** Throws when the description does not foresee this answer. */
export const assertDocumented = (received: Received): void => {
  const { method, pathname, status, contentType, body } = received;
  const complain = (what: string): never => {
    throw new Error(`${method} ${pathname} answered ${status}: ${what}; body ${JSON.stringify(body)}`);
  };
  const path = documentedPath(pathname);
  const operation = path === undefined ? undefined : paths[path]?.[method.toLowerCase()];
  if (!isJsonObject(operation)) {
    const expected = path === undefined ? 404 : 405;
    if (status !== expected) complain(`expected ${expected}, the path or method is not described`);
    assertBody(received, 'openapi#/components/schemas/Problem', 'application/problem+json');
    return;
  }
  const responses = operation['responses'] as Readonly<Record<string, JsonObject>>;
  const response = responses[String(status)];
  if (response === undefined) return complain(`only ${Object.keys(responses).join(', ')} are described`);
  const place = `openapi#/paths/${escape(path ?? '')}/${method.toLowerCase()}/responses/${status}`;
  const reference = response['$ref'];
  const at = typeof reference === 'string' ? `openapi${reference}` : place;
  const described = typeof reference === 'string' ? resolve(reference) : response;
  const mediaType = contentType.split(';')[0] ?? '';
  const content = described['content'] as JsonObject;
  if (!Object.hasOwn(content, mediaType)) complain(`the media type ${mediaType} is not described`);
  assertBody(received, `${at}/content/${escape(mediaType)}/schema`, mediaType);
};

const assertBody = (
  { method, pathname, status, contentType, body }: Received,
  schema: string,
  mediaType: string,
): void => {
  if (contentType.split(';')[0] !== mediaType)
    throw new Error(`${method} ${pathname}: media type ${contentType}`);
  const validate = ajv.getSchema(schema) ?? ajv.compile({ $ref: schema });
  if (validate(body) !== true) {
    const errors = ajv.errorsText(validate.errors);
    throw new Error(`${method} ${pathname} answered ${status}: ${errors}; body ${JSON.stringify(body)}`);
  }
  if (isJsonObject(body) && mediaType === 'application/problem+json' && body['status'] !== status) {
    throw new Error(
      `${method} ${pathname} answered ${status} with a problem of status ${JSON.stringify(body['status'])}`,
    );
  }
};

const resolve = (reference: string): JsonObject =>
  reference
    .slice(2)
    .split('/')
    .reduce<Json>(
      (value, key) => (isJsonObject(value) ? (value[key] ?? null) : null),
      DOCUMENT,
    ) as JsonObject;

const escape = (key: string): string => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));
