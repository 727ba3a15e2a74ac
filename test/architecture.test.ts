import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';

/**
 * The architecture's rules are ESLint rules (eslint.config.js). Here each of them is shown a small source that
 * breaks it, and its lawful neighbour. The sources exist in memory only, so the rules that need types are off.
 */
const root = join(import.meta.dirname, '..');
const eslint = new ESLint({ cwd: root, overrideConfig: tseslint.configs.disableTypeChecked });

const RULES = [
  'no-restricted-imports',
  'no-restricted-syntax',
  'no-restricted-globals',
  '@typescript-eslint/no-explicit-any',
];

const verdict = async (path: string, source: string): Promise<readonly string[]> => {
  const [result] = await eslint.lintText(`${source}\n`, { filePath: join(root, path) });
  if (result === undefined) throw new Error(`${path} is ignored by ESLint`);
  const fatal = result.messages.find((message) => message.fatal === true);
  if (fatal !== undefined) throw new Error(`${path}: ${fatal.message}`);
  return result.messages.flatMap(({ ruleId }) => (ruleId !== null && RULES.includes(ruleId) ? [ruleId] : []));
};

type Case = readonly [path: string, source: string];

const imports = (from: string): string => `import { x } from '${from}';\nexport const y = x;`;
const importing = (path: string, ...sources: readonly string[]): readonly Case[] =>
  sources.map((source) => [path, imports(source)]);
const writing = (path: string, ...sources: readonly string[]): readonly Case[] =>
  sources.map((source) => [path, `export const y = ${source};`]);

const refused: Record<string, readonly Case[]> = {
  'the domain imports nothing but itself, fp-ts and node:crypto': [
    ...importing(
      'src/domain/a.ts',
      '../ports/clock.ts',
      '../eventstore/a.ts',
      '../projections/a.ts',
      '../commands/a.ts',
      '../delivery/a.ts',
      '../http/a.ts',
      '../adapters/a.ts',
      '../cli/main.ts',
      '../main.ts',
      '../../simulator/a.ts',
      '../../src/ports/clock.ts',
      './../ports/clock.ts',
      './deep/../../ports/clock.ts',
      'io-ts',
      'pino',
      'node:fs',
      'crypto',
    ),
    ...importing(
      'src/domain/deep/a.ts',
      '../../ports/clock.ts',
      '../../main.ts',
      '../deeper/../../ports/a.ts',
    ),
    ['src/domain/a.ts', `import type { x } from '../ports/clock.ts';\nexport type Y = x;`],
    ['src/domain/a.ts', `export * from '../ports/clock.ts';`],
    ['src/domain/a.ts', `export const y = import('../ports/clock.ts');`],
    ['src/domain/a.ts', `export type Y = import('../ports/clock.ts').Clock;`],
  ],
  'the ports import the domain only': importing(
    'src/ports/a.ts',
    '../eventstore/a.ts',
    '../adapters/a.ts',
    '../main.ts',
    'koa',
    'node:fs',
  ),
  'the event store imports domain and ports': importing(
    'src/eventstore/a.ts',
    '../projections/a.ts',
    '../commands/a.ts',
    '../delivery/a.ts',
    '../http/a.ts',
    '../adapters/a.ts',
  ),
  'SQLite and EventStoreDB stores keep to the same arrows': [
    ...importing(
      'src/eventstore/sqlite.ts',
      '../projections/a.ts',
      '../adapters/a.ts',
      '@eventstore/db-client',
    ),
    ...importing('src/eventstore/eventstoredb.ts', '../projections/a.ts', '../adapters/a.ts', 'node:sqlite'),
  ],
  'the projections do not know commands, delivery, http and adapters': importing(
    'src/projections/a.ts',
    '../commands/a.ts',
    '../delivery/a.ts',
    '../http/a.ts',
    '../adapters/a.ts',
  ),
  'the commands do not know delivery, http and adapters': importing(
    'src/commands/a.ts',
    '../delivery/a.ts',
    '../http/a.ts',
    '../adapters/a.ts',
  ),
  'the delivery does not know http and adapters': importing(
    'src/delivery/a.ts',
    '../http/a.ts',
    '../adapters/a.ts',
  ),
  'the audit reads, and does not know commands, delivery, http and adapters': importing(
    'src/audit/a.ts',
    '../commands/a.ts',
    '../delivery/a.ts',
    '../http/a.ts',
    '../adapters/a.ts',
  ),
  'http does not know the adapters': importing('src/http/a.ts', '../adapters/a.ts'),
  'the adapters know domain and ports only': [
    ...importing(
      'src/adapters/a.ts',
      '../eventstore/a.ts',
      '../projections/a.ts',
      '../commands/a.ts',
      '../delivery/a.ts',
      '../http/a.ts',
    ),
    ...importing('src/adapters/undici.ts', '../eventstore/a.ts', '../delivery/a.ts'),
  ],
  'nothing imports src/cli or src/main.ts': [
    ...['ports', 'eventstore', 'projections', 'commands', 'delivery', 'http', 'adapters'].flatMap((layer) =>
      importing(`src/${layer}/a.ts`, '../cli/main.ts', '../main.ts'),
    ),
    ...importing('src/other.ts', './cli/main.ts', './main.ts'),
    ...importing('simulator/a.ts', '../src/cli/main.ts', '../src/main.ts'),
  ],
  'only src/cli imports the simulator': [
    ...['domain', 'ports', 'eventstore', 'projections', 'commands', 'delivery', 'http', 'adapters'].flatMap(
      (layer) => importing(`src/${layer}/a.ts`, '../../simulator/rules/index.ts'),
    ),
    ...importing('src/main.ts', '../simulator/rules/index.ts'),
    ...importing('src/rules-file.ts', '../simulator/rules/index.ts'),
  ],
  'the product does not import its tests': [
    ...importing('src/cli/a.ts', '../../test/a.ts', '../../bench/main.ts'),
    ...importing('simulator/orders/a.ts', '../../test/a.ts', '../../bench/main.ts'),
  ],
  'order streams know neither time nor chance': [
    ...writing('simulator/dice.ts', 'Math.random()', 'Date.now()'),
    ...writing('simulator/orders/a.ts', 'Date.now()', 'new Date()', 'Math.random()', 'performance.now()'),
  ],
  'a folder too deep for the arrows is refused': importing('src/domain/a/b/c/d/e.ts', './f.ts'),
  'node:sqlite belongs to its stores and the projections': [
    ...['domain', 'ports', 'commands', 'delivery', 'http', 'adapters', 'cli'].flatMap((layer) =>
      importing(`src/${layer}/a.ts`, 'node:sqlite'),
    ),
    ...importing('src/eventstore/memory.ts', 'node:sqlite'),
    ...importing('src/main.ts', 'node:sqlite'),
  ],
  'undici belongs to its adapters and the cli': [
    ...['domain', 'ports', 'eventstore', 'projections', 'commands', 'delivery', 'http', 'adapters'].flatMap(
      (layer) => importing(`src/${layer}/a.ts`, 'undici'),
    ),
    ...importing('src/main.ts', 'undici'),
  ],
  '@eventstore/db-client belongs to its adapter': [
    ...['eventstore', 'projections', 'adapters', 'cli'].flatMap((layer) =>
      importing(`src/${layer}/a.ts`, '@eventstore/db-client', '@grpc/grpc-js'),
    ),
    ...importing('src/main.ts', '@eventstore/db-client'),
  ],
  'koa belongs to http and main': [
    ...['domain', 'ports', 'eventstore', 'projections', 'commands', 'delivery', 'adapters', 'cli'].flatMap(
      (layer) => importing(`src/${layer}/a.ts`, 'koa', '@koa/router'),
    ),
  ],
  'graphql belongs to one folder of http': [
    ...[
      'domain',
      'ports',
      'eventstore',
      'projections',
      'commands',
      'delivery',
      'http',
      'adapters',
      'cli',
    ].flatMap((layer) => importing(`src/${layer}/a.ts`, 'graphql', 'graphql/language', 'graphql-http')),
    ...importing('src/main.ts', 'graphql'),
    ...importing('src/http/graphql/a.ts', 'koa', '../../adapters/a.ts', '../../main.ts'),
  ],
  'process.env is read in main and cli only': [
    ...['domain', 'ports', 'eventstore', 'projections', 'commands', 'delivery', 'http', 'adapters'].flatMap(
      (layer) => [
        ...writing(`src/${layer}/a.ts`, 'process.env', `process['env']`, 'globalThis.process.env'),
        ...importing(`src/${layer}/a.ts`, 'node:process'),
      ],
    ),
    ...writing('src/eventstore/sqlite.ts', 'process.env'),
    ...writing('src/eventstore/eventstoredb.ts', 'process.env'),
    ['src/http/a.ts', 'const { env } = process;\nexport const y = env;'],
  ],
  'time comes from a port': [
    ...[
      'src/domain/a.ts',
      'src/ports/a.ts',
      'src/eventstore/a.ts',
      'src/eventstore/sqlite.ts',
      'src/eventstore/eventstoredb.ts',
      'src/projections/a.ts',
      'src/commands/a.ts',
      'src/delivery/a.ts',
      'src/http/a.ts',
      'src/main.ts',
    ].flatMap((path) => [
      ...writing(
        path,
        'Date.now()',
        'Date.now',
        `Date['now']()`,
        'new Date()',
        'Date()',
        'globalThis.Date.now()',
        'performance.now()',
        'setTimeout(() => 1, 1)',
        'globalThis.setTimeout(() => 1, 1)',
        'setInterval(() => 1, 1)',
        'AbortSignal.timeout(1)',
        'process.hrtime.bigint()',
        'process.hrtime()',
      ),
      ...importing(path, 'node:timers', 'node:timers/promises', 'node:perf_hooks'),
      [path, 'const { now } = Date;\nexport const y = now;'] as const,
    ]),
    ...[
      'src/eventstore/memory.ts',
      'src/eventstore/eventstoredb.ts',
      'src/delivery/a.ts',
      'src/main.ts',
    ].flatMap((path) => writing(path, 'setImmediate(() => 1)')),
  ],
  'randomness comes from a port': [
    ...['src/domain/a.ts', 'src/eventstore/sqlite.ts', 'src/delivery/a.ts', 'src/main.ts'].flatMap((path) => [
      ...writing(
        path,
        'Math.random()',
        `Math['random']()`,
        'crypto.randomUUID()',
        'globalThis.crypto.randomUUID()',
        'crypto.getRandomValues(new Uint8Array(1))',
      ),
      ...['randomUUID', 'randomBytes', 'randomInt', 'getRandomValues', 'webcrypto'].map((name): Case => [
        path,
        `import { ${name} } from 'node:crypto';\nexport const y = ${name};`,
      ]),
      [path, `import crypto from 'node:crypto';\nexport const y = crypto;`] as const,
      [path, `import * as crypto from 'node:crypto';\nexport const y = crypto;`] as const,
      [path, 'const { random } = Math;\nexport const y = random;'] as const,
    ]),
  ],
  'the network is reached through a port': ['src/domain/a.ts', 'src/delivery/a.ts', 'src/main.ts'].flatMap(
    (path) => writing(path, `fetch('https://example.com')`, `globalThis.fetch('https://example.com')`),
  ),
  'imports are static': [
    ...writing('src/delivery/a.ts', `import('undici')`, `process.getBuiltinModule('node:sqlite')`),
    ...importing('src/delivery/a.ts', 'node:module'),
  ],
  'fp-ts is imported in full': [
    ...['src/domain/a.ts', 'src/delivery/a.ts', 'src/cli/a.ts', 'test/a.ts', 'simulator/a.ts'].flatMap(
      (path) => importing(path, 'fp-ts', 'fp-ts/Either', 'fp-ts/lib/Either', 'fp-ts/es6/Either.js'),
    ),
  ],
  'every test runs': ['it', 'test', 'describe'].flatMap((name): readonly Case[] => [
    ...['only', 'skip', 'todo'].flatMap((how): readonly Case[] => [
      ['test/a.test.ts', `${name}.${how}('…', () => undefined);`],
      ['test/a.test.ts', `${name}.concurrent.${how}('…', () => undefined);`],
      ['test/a.test.ts', `${name}('…', { ${how}: true }, () => undefined);`],
    ]),
  ]),
  'no `as any`': [
    'src/domain/a.ts',
    'src/eventstore/sqlite.ts',
    'src/eventstore/eventstoredb.ts',
    'src/adapters/a.ts',
    'src/main.ts',
    'src/cli/a.ts',
    'simulator/a.ts',
    'test/a.test.ts',
    'bench/main.ts',
  ].flatMap((path) => writing(path, '({} as any)')),
};

const allowed: Record<string, readonly Case[]> = {
  'the arrows themselves': [
    ...importing('src/domain/a.ts', './b.ts', './deep/b.ts', 'fp-ts/lib/Either.js', 'node:crypto'),
    ...importing('src/domain/deep/a.ts', './b.ts', '../b.ts', '../other/b.ts'),
    ...importing('src/ports/a.ts', './b.ts', '../domain/a.ts', 'fp-ts/lib/TaskEither.js'),
    ...importing('src/eventstore/a.ts', './b.ts', '../domain/a.ts', '../ports/a.ts', 'io-ts'),
    ...importing('src/projections/a.ts', '../domain/a.ts', '../ports/a.ts', '../eventstore/a.ts', './b.ts'),
    ...importing('src/projections/deep/a.ts', '../../eventstore/a.ts', '../b.ts'),
    ...importing('src/commands/a.ts', '../eventstore/a.ts', '../projections/a.ts', './b.ts'),
    ...importing('src/delivery/a.ts', '../commands/a.ts', '../projections/a.ts', './b.ts', 'jose'),
    ...importing('src/http/a.ts', '../delivery/a.ts', '../commands/a.ts', './b.ts', 'io-ts'),
    ...importing('src/adapters/a.ts', '../domain/a.ts', '../ports/a.ts', './b.ts', 'pino'),
    ...importing('src/main.ts', './http/a.ts', './adapters/a.ts', './domain/a.ts', './cli/a.ts'),
    ...importing('src/cli/main.ts', '../main.ts', '../adapters/a.ts', './demo.ts', '../../simulator/a.ts'),
    ...importing('simulator/orders/a.ts', '../../src/domain/a.ts', '../../src/http/a.ts', '../dice.ts'),
    ...importing('test/a.test.ts', '../src/main.ts', '../src/cli/main.ts', 'undici', 'node:sqlite'),
  ],
  'packages in their places': [
    ...importing('src/eventstore/sqlite.ts', 'node:sqlite', '../domain/a.ts', './event-store.ts'),
    ...importing('src/eventstore/sqlite-schema.ts', 'node:sqlite'),
    ...importing('src/projections/a.ts', 'node:sqlite'),
    ...importing('src/eventstore/eventstoredb.ts', '@eventstore/db-client', './event-store.ts'),
    ...importing('src/eventstore/eventstoredb-read.ts', '@eventstore/db-client'),
    ...importing('src/adapters/undici.ts', 'undici', '../ports/http-sender.ts'),
    ...importing('src/adapters/undici-sender.ts', 'undici'),
    ...importing('src/cli/a.ts', 'undici', 'node:timers/promises'),
    ...importing('src/http/a.ts', 'koa', '@koa/router'),
    ...importing('src/http/graphql/a.ts', 'graphql', '../a.ts', './b.ts', '../../domain/a.ts'),
    ...importing('src/main.ts', 'koa'),
  ],
  'pure uses of time and hashing': [
    ...writing('src/domain/a.ts', 'new Date(0)', 'new Date(0).toISOString()', `Date.parse('2020-01-01')`),
    ...writing(
      'src/delivery/a.ts',
      'queueMicrotask(() => undefined)',
      'Math.max(1, 2)',
      'new AbortController()',
    ),
    [
      'src/domain/a.ts',
      `import { createHmac, timingSafeEqual } from 'node:crypto';\nexport { createHmac, timingSafeEqual };`,
    ],
  ],
  'effects in their places': [
    ...writing('src/eventstore/sqlite.ts', 'setImmediate(() => 1)'),
    ...['src/adapters/a.ts', 'src/adapters/undici.ts', 'src/cli/a.ts'].flatMap((path) => [
      ...writing(
        path,
        'Date.now()',
        'new Date()',
        'setTimeout(() => 1, 1)',
        'Math.random()',
        'performance.now()',
      ),
      ...importing(path, 'node:timers/promises'),
      [path, `import { randomUUID } from 'node:crypto';\nexport const y = randomUUID();`] as const,
    ]),
    ...writing('simulator/load/a.ts', 'Date.now()', 'performance.now()', `fetch('https://example.com')`),
    ...writing('src/main.ts', 'process.env'),
    ...writing('src/cli/a.ts', 'process.env', `fetch('https://example.com')`),
    ...writing('src/eventstore/eventstoredb.ts', `import('@eventstore/db-client')`),
  ],
  'tests that run': [
    ['test/a.test.ts', `it('…', () => undefined);\ndescribe.each([1])('…', () => undefined);`],
  ],
};

describe('the architecture', () => {
  it.each(Object.entries(refused))('%s', async (_, cases) => {
    for (const [path, source] of cases) {
      expect(await verdict(path, source), `${path} must be refused:\n${source}`).not.toEqual([]);
    }
  });

  it.each(Object.entries(allowed))('allows %s', async (_, cases) => {
    for (const [path, source] of cases) {
      expect(await verdict(path, source), `${path} must be allowed:\n${source}`).toEqual([]);
    }
  });

  it('is not switched off anywhere in src', async () => {
    const files = (await readdir(join(root, 'src'), { recursive: true })).filter((file) =>
      file.endsWith('.ts'),
    );
    expect(files).not.toEqual([]);
    for (const file of files) {
      const source = await readFile(join(root, 'src', file), 'utf8');
      expect(source, file).not.toMatch(/eslint-disable(?:-[a-z-]+)?(?:\s*(?:\*\/|$)|.*no-restricted-)/m);
    }
  });
});
