import { isAbsolute, join, resolve } from 'node:path';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { LOG_LEVELS, type LogLevel } from './adapters/pino-log.ts';
import { type DatabaseAddress, type DatabaseLogin, parseAddress } from './eventstore/eventstoredb-address.ts';
import { oneOf } from './one-of.ts';

/** Where the log lives. */
export type StoreConfig =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'esdb'; readonly address: DatabaseAddress; readonly login: DatabaseLogin };

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly store: StoreConfig;
  /** Null: kept in the data folder, made at the first start. */
  readonly secret: string | null;
  /** CIDRs, separated by commas. */
  readonly allowTargets: string;
  readonly retryBaseMs: number;
  readonly attemptTimeoutMs: number;
  /** How long a node that shares its store with others may be silent before they take over its work. */
  readonly leaseMs: number;
  /** Where people reach the dashboard, e.g. `https://callboard.example`; null: where the server listens. */
  readonly publicUrl: string | null;
  /** Path of an operator's rules file, or null for the built-in rules. */
  readonly rulesPath: string | null;
  /** Between two seals of the history; 0: none are made. */
  readonly sealEveryMs: number;
  /** Between two looks for what companies do not keep any longer; 0: none goes. */
  readonly retentionEveryMs: number;
  /** Whether customers' personal data gets keys of its own, so that it can be erased (embedded store). */
  readonly customerKeys: boolean;
  /** Path of the Ed25519 key that seals are signed with, or null: they are not signed. */
  readonly sealKeyPath: string | null;
  readonly logLevel: LogLevel;
  /** A developer's machine: GraphQL shows its schema to everybody, and has a page to try it out. */
  readonly development: boolean;
}

/** A variable with a value that cannot be used. */
export interface BadVariable {
  readonly name: string;
  readonly reason: string;
}

const wholeNumber = (min: number, max: number) =>
  new t.Type<number, string, string>(
    `a whole number from ${min} to ${max}`,
    t.number.is,
    (text, context) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? t.success(value) : t.failure(text, context);
    },
    String,
  );

const text = (description: string, accepts: (value: string) => boolean) =>
  new t.Type<string, string, string>(
    description,
    t.string.is,
    (value, context) => (accepts(value) ? t.success(value) : t.failure(value, context)),
    (value) => value,
  );

const SECRET_LENGTH_MIN = 32;
const ORIGIN = /^https?:\/\/[^\s/?#@\\]+$/;
const DATABASE = /^esdb(?:\+discover)?:/;

/** Everything that the environment may say, in one place: name, default, meaning of a bad value. */
const VARIABLES = {
  HOST: { default: '127.0.0.1', codec: text('a host name or address', (value) => value !== '') },
  PORT: { default: '8080', codec: wholeNumber(0, 65_535) },
  CALLBOARD_DATA_DIR: { default: './data', codec: text('a folder', (value) => value !== '') },
  CALLBOARD_STORE: {
    default: 'sqlite:',
    codec: text(
      'sqlite:[path], memory:, esdb://host:port or esdb+discover://host,host,host',
      (value) => value.startsWith('sqlite:') || value === 'memory:' || DATABASE.test(value),
    ),
  },
  CALLBOARD_STORE_USER: { default: '', codec: t.string },
  CALLBOARD_STORE_PASSWORD: { default: '', codec: t.string },
  CALLBOARD_STORE_CERT: { default: '', codec: t.string },
  CALLBOARD_STORE_KEY: { default: '', codec: t.string },
  CALLBOARD_SECRET: {
    default: '',
    codec: text(
      `at least ${SECRET_LENGTH_MIN} characters`,
      (value) => value === '' || value.length >= SECRET_LENGTH_MIN,
    ),
  },
  CALLBOARD_ALLOW_TARGETS: { default: '', codec: t.string },
  CALLBOARD_RETRY_BASE_MS: { default: '30000', codec: wholeNumber(10, 3_600_000) },
  CALLBOARD_ATTEMPT_TIMEOUT_MS: { default: '15000', codec: wholeNumber(100, 120_000) },
  CALLBOARD_LEASE_MS: { default: '5000', codec: wholeNumber(1000, 60_000) },
  CALLBOARD_PUBLIC_URL: {
    default: '',
    codec: text(
      'a URL such as https://callboard.example, without a path',
      (value) => value === '' || ORIGIN.test(value),
    ),
  },
  CALLBOARD_SEAL_EVERY_MS: { default: '3600000', codec: wholeNumber(0, 2_147_483_647) },
  CALLBOARD_RETENTION_EVERY_MS: { default: '86400000', codec: wholeNumber(0, 2_147_483_647) },
  CALLBOARD_CUSTOMER_KEYS: { default: 'on', codec: oneOf<'on' | 'off', string>(['on', 'off']) },
  CALLBOARD_SEAL_KEY: { default: '', codec: t.string },
  CALLBOARD_RULES: { default: '', codec: t.string },
  CALLBOARD_ENV: {
    default: 'production',
    codec: oneOf<'production' | 'development', string>(['production', 'development']),
  },
  LOG_LEVEL: { default: 'info', codec: oneOf<LogLevel, string>(LOG_LEVELS) },
} as const;

type Variable = keyof typeof VARIABLES;

/** Checks the environment as a whole; every bad variable is named with what it takes. A secret's value is never shown. */
export const readConfig = (
  environment: Readonly<Record<string, string | undefined>>,
  workingDir: string,
): Either<ReadonlyArray<BadVariable>, Config> => {
  const bad: BadVariable[] = [];
  const read = <N extends Variable>(name: N): t.TypeOf<(typeof VARIABLES)[N]['codec']> => {
    const { codec } = VARIABLES[name];
    const given = environment[name] ?? VARIABLES[name].default;
    const decoded: t.Validation<unknown> = codec.decode(given);
    if (decoded._tag === 'Right') return decoded.right as t.TypeOf<typeof codec>;
    const shown = name === 'CALLBOARD_SECRET' ? 'a value of the wrong form' : JSON.stringify(given);
    bad.push({ name, reason: `must be ${codec.name}, not ${shown}` });
    // Never seen: with anything bad nothing is answered.
    return undefined as never;
  };
  const config = {
    host: read('HOST'),
    port: read('PORT'),
    dataDir: read('CALLBOARD_DATA_DIR'),
    store: read('CALLBOARD_STORE'),
    secret: read('CALLBOARD_SECRET'),
    allowTargets: read('CALLBOARD_ALLOW_TARGETS'),
    retryBaseMs: read('CALLBOARD_RETRY_BASE_MS'),
    attemptTimeoutMs: read('CALLBOARD_ATTEMPT_TIMEOUT_MS'),
    leaseMs: read('CALLBOARD_LEASE_MS'),
    publicUrl: read('CALLBOARD_PUBLIC_URL'),
    sealEveryMs: read('CALLBOARD_SEAL_EVERY_MS'),
    retentionEveryMs: read('CALLBOARD_RETENTION_EVERY_MS'),
    customerKeys: read('CALLBOARD_CUSTOMER_KEYS'),
    sealKey: read('CALLBOARD_SEAL_KEY'),
    rules: read('CALLBOARD_RULES'),
    environment: read('CALLBOARD_ENV'),
    logLevel: read('LOG_LEVEL'),
  };
  const login = {
    user: read('CALLBOARD_STORE_USER'),
    password: read('CALLBOARD_STORE_PASSWORD'),
    cert: read('CALLBOARD_STORE_CERT'),
    key: read('CALLBOARD_STORE_KEY'),
  };
  if (bad.length > 0) return left(bad);

  const dataDir = resolve(workingDir, config.dataDir);
  const store = DATABASE.test(config.store)
    ? databaseOf(config.store, login, workingDir)
    : right(fileOf(config.store, dataDir, workingDir));
  if (isLeft(store)) return left([store.left]);
  return right({
    host: config.host,
    port: config.port,
    dataDir,
    store: store.right,
    secret: config.secret === '' ? null : config.secret,
    allowTargets: config.allowTargets,
    retryBaseMs: config.retryBaseMs,
    attemptTimeoutMs: config.attemptTimeoutMs,
    leaseMs: config.leaseMs,
    publicUrl: config.publicUrl === '' ? null : config.publicUrl,
    rulesPath: config.rules === '' ? null : resolve(workingDir, config.rules),
    sealEveryMs: config.sealEveryMs,
    retentionEveryMs: config.retentionEveryMs,
    customerKeys: config.customerKeys === 'on',
    sealKeyPath: config.sealKey === '' ? null : resolve(workingDir, config.sealKey),
    logLevel: config.logLevel,
    development: config.environment === 'development',
  });
};

const fileOf = (value: string, dataDir: string, workingDir: string): StoreConfig => {
  if (value === 'memory:') return { kind: 'memory' };
  const path = value.slice('sqlite:'.length);
  if (path === '') return { kind: 'sqlite', path: join(dataDir, 'events.db') };
  return { kind: 'sqlite', path: isAbsolute(path) ? path : resolve(workingDir, path) };
};

interface LoginTexts {
  readonly user: string;
  readonly password: string;
  readonly cert: string;
  readonly key: string;
}

/** No message shows the connection string: whoever put a password there by mistake must not find it in a log. */
const databaseOf = (
  value: string,
  { user, password, cert, key }: LoginTexts,
  workingDir: string,
): Either<BadVariable, StoreConfig> => {
  const bad = (name: string, reason: string): Either<BadVariable, never> => left({ name, reason });
  const parsed = parseAddress(value);
  if (isLeft(parsed)) return bad('CALLBOARD_STORE', parsed.left);
  if ((user === '') !== (password === '')) {
    return bad('CALLBOARD_STORE_USER', 'and CALLBOARD_STORE_PASSWORD go together: set both or none');
  }
  if ((cert === '') !== (key === '')) {
    return bad('CALLBOARD_STORE_CERT', 'and CALLBOARD_STORE_KEY go together: set both or none');
  }
  if (!parsed.right.tls && (user !== '' || cert !== '')) {
    return bad('CALLBOARD_STORE', 'says tls=false, and a user is known to a database with TLS only');
  }
  const path = (text: string): string => resolve(workingDir, text);
  const { caFile } = parsed.right;
  return right({
    kind: 'esdb',
    address: { ...parsed.right, caFile: caFile === null ? null : path(caFile) },
    login: {
      user: user === '' ? null : { username: user, password },
      certificate: cert === '' ? null : { certFile: path(cert), keyFile: path(key) },
    },
  });
};
