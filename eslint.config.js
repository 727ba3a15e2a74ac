// The architecture's arrows live here: which folder of src/ may import what, and where time, randomness,
// the environment and the network may be touched. test/architecture.test.ts proves that each rule bites.
import { builtinModules } from 'node:module';
import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

// ---------------------------------------------------------------- imports

/** Folder of src/ -> the other folders of src/ it may import from. */
const ARROWS = {
  domain: [],
  ports: ['domain'],
  eventstore: ['domain', 'ports'],
  migration: ['domain', 'ports', 'eventstore'],
  projections: ['domain', 'ports', 'eventstore'],
  commands: ['domain', 'ports', 'eventstore', 'projections'],
  delivery: ['domain', 'ports', 'eventstore', 'projections', 'commands'],
  audit: ['domain', 'ports', 'eventstore', 'projections'],
  http: ['domain', 'ports', 'eventstore', 'projections', 'commands', 'delivery', 'audit'],
  adapters: ['domain', 'ports'],
};

/** Folders whose packages are an allow list, too (regular expressions over the import's source). */
const PACKAGES = {
  domain: ['fp-ts(?:/|$)', 'node:crypto$'],
  ports: ['fp-ts(?:/|$)'],
};

const MAX_DEPTH = 3;
const RANDOM = ['randomUUID', 'randomBytes', 'getRandomValues', 'randomInt', 'randomFill', 'randomFillSync'];

const GATED = {
  sqlite: {
    regex: '^node:sqlite$',
    message: 'node:sqlite belongs to src/eventstore/sqlite*.ts and src/projections.',
  },
  undici: { regex: '^undici(?:/|$)', message: 'undici belongs to src/adapters/undici*.ts and src/cli.' },
  eventstoredb: {
    regex: '^(?:@eventstore/|@grpc/)',
    message: '@eventstore/db-client belongs to src/eventstore/eventstoredb*.ts.',
  },
  koa: { regex: '^(?:koa(?:[/-]|$)|@koa/)', message: 'koa belongs to src/http and src/main.ts.' },
  graphql: { regex: '^graphql(?:/|-|$)', message: 'graphql belongs to src/http/graphql.' },
  clock: {
    regex: '^node:(?:timers|perf_hooks)(?:/|$)',
    message: 'Time comes from the clock port; only src/adapters and src/cli touch the real one.',
  },
  random: {
    regex: '^node:crypto$',
    importNames: [...RANDOM, 'webcrypto', 'default'],
    message: 'Randomness comes from a port; import the functions you need by name.',
  },
  process: {
    regex: '^node:process$',
    message: 'Configuration is read in src/main.ts and src/cli, and handed down.',
  },
  entry: {
    regex: '^(?:\\./|(?:\\.\\./)+(?:src/)?)(?:cli/|main\\.ts$)',
    message: 'Only src/cli and src/main.ts import src/cli and src/main.ts.',
  },
  simulator: {
    regex: '^(?:\\.\\./)+simulator(?:/|$)',
    message: 'The product knows nothing of the simulator; src/cli starts it.',
  },
  require: {
    regex: '^node:module$',
    message: 'No createRequire: imports are static, so that the arrows hold.',
  },
};

const EVERYWHERE = [
  {
    regex: '^fp-ts(?!/lib/[A-Za-z]+\\.js$)',
    message: "Import fp-ts modules in full: 'fp-ts/lib/Either.js'.",
  },
  {
    regex: `^(?:${builtinModules.filter((name) => !name.includes(':') && !name.startsWith('_')).join('|')})$`,
    message: "Node's own modules carry the node: prefix.",
  },
];

const NOT_TESTS = {
  regex: '^(?:\\.\\./)+(?:test|bench)/',
  message: 'The product does not import its tests or benchmarks.',
};

const SRC = [
  ...EVERYWHERE,
  NOT_TESTS,
  { regex: '^(?:/|file:|data:|callboard(?:/|$))', message: 'Imports inside the project are relative.' },
];

/** The rule for a file of src/: every gate is shut but those in `open`, and `more` comes on top. */
const restrictImports = (open = [], more = []) => ({
  'no-restricted-imports': [
    'error',
    {
      patterns: [
        ...SRC,
        ...Object.entries(GATED)
          .filter(([gate]) => !open.includes(gate))
          .map(([, pattern]) => pattern),
        ...more,
      ],
    },
  ],
});

/** What `src/<layer>/` may reach from a file `depth` folders below it. */
const arrows = (layer, depth) => {
  const straight = '(?!\\.\\.(?:/|$))(?!.*/\\.\\.(?:/|$))';
  const reachable = [
    `\\./${straight}`,
    `(?:\\.\\./){${depth + 1}}(?:${[layer, ...ARROWS[layer]].join('|')})/${straight}`,
    ...(depth > 0 ? [`(?:\\.\\./){1,${depth}}(?!\\.)${straight}`] : []),
  ];
  const packages = PACKAGES[layer];
  return [
    {
      regex: `^(?=\\.)(?!${reachable.join('|')})`,
      message: `src/${layer} may import from these folders of src only: ${[layer, ...ARROWS[layer]].join(', ')}.`,
    },
    ...(packages === undefined
      ? []
      : [
          {
            regex: `^(?!\\.)(?!${packages.join('|')})`,
            message: `src/${layer} may import no package but: ${packages.map((name) => name.split(/[($]/)[0]).join(', ')}.`,
          },
        ]),
  ];
};

const OPEN = {
  projections: ['sqlite'],
  http: ['koa'],
  adapters: ['clock', 'random'],
};

const at = (layer, depth, name) => `src/${layer}/${'*/'.repeat(depth)}${name}`;

const importArrows = [
  { files: ['src/**/*.ts'], rules: restrictImports() },
  ...Object.keys(ARROWS).flatMap((layer) => [
    ...Array.from({ length: MAX_DEPTH + 1 }, (_, depth) => ({
      files: [at(layer, depth, '*.ts')],
      rules: restrictImports(OPEN[layer], arrows(layer, depth)),
    })),
    {
      files: [at(layer, MAX_DEPTH + 1, '**/*.ts')],
      rules: restrictImports([], [{ regex: '^\\.', message: `Too many folders below src/${layer}.` }]),
    },
  ]),
  { files: ['src/eventstore/sqlite*.ts'], rules: restrictImports(['sqlite'], arrows('eventstore', 0)) },
  {
    files: ['src/eventstore/eventstoredb*.ts'],
    rules: restrictImports(['eventstoredb'], arrows('eventstore', 0)),
  },
  {
    files: ['src/adapters/undici*.ts'],
    rules: restrictImports([...OPEN.adapters, 'undici'], arrows('adapters', 0)),
  },
  {
    files: ['src/http/graphql/*.ts'],
    rules: restrictImports(['graphql'], arrows('http', 1)),
  },
  { files: ['src/main.ts'], rules: restrictImports(['koa', 'entry', 'process']) },
  {
    files: ['src/cli/**/*.ts'],
    rules: restrictImports(['undici', 'clock', 'random', 'process', 'entry', 'require', 'simulator']),
  },
];

// ---------------------------------------------------------------- time, randomness, environment

const CLOCK = 'Time comes from the clock port.';
const CHANCE = 'Randomness comes from a port.';
const named = (property, names) => `[${property}.name=/^(?:${names.join('|')})$/]`;

const TIME_AND_CHANCE = [
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: CLOCK },
  { selector: "MemberExpression[object.name='Date'][computed=true]", message: CLOCK },
  { selector: "VariableDeclarator[init.name='Date']", message: CLOCK },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: CLOCK },
  { selector: "CallExpression[callee.name='Date']", message: CLOCK },
  { selector: "MemberExpression[object.name='globalThis'][property.name=/^(?:Date|Math)$/]", message: CLOCK },
  { selector: "MemberExpression[object.name='AbortSignal'][property.name='timeout']", message: CLOCK },
  {
    selector: "MemberExpression[object.name='process'][property.name=/^(?:hrtime|uptime)$/]",
    message: CLOCK,
  },
  { selector: "MemberExpression[object.name='Math'][property.name='random']", message: CHANCE },
  { selector: "MemberExpression[object.name='Math'][computed=true]", message: CHANCE },
  {
    selector: "VariableDeclarator[init.name='Math'] > ObjectPattern > Property[key.name='random']",
    message: CHANCE,
  },
  { selector: `MemberExpression${named('property', RANDOM)}`, message: CHANCE },
  {
    selector: `VariableDeclarator[init.name=/crypto/i] > ObjectPattern > Property${named('key', RANDOM)}`,
    message: CHANCE,
  },
];

const ENVIRONMENT = [
  {
    selector: "MemberExpression[object.name='process'][property.name='env']",
    message: 'process.env is read in src/main.ts and src/cli only.',
  },
  {
    selector: "MemberExpression[object.name='process'][computed=true]",
    message: 'process.env is read in src/main.ts and src/cli only.',
  },
  {
    selector: "VariableDeclarator[init.name='process']",
    message: 'process.env is read in src/main.ts and src/cli only.',
  },
  {
    selector: "MemberExpression[object.name='globalThis'][property.name='process']",
    message: 'process.env is read in src/main.ts and src/cli only.',
  },
];

const DYNAMIC_IMPORT = [
  {
    selector: 'ImportExpression',
    message: 'Imports are static, so that the arrows between the folders hold.',
  },
  {
    selector: 'TSImportType',
    message: 'Import types with an import statement, so that the arrows between the folders hold.',
  },
  {
    selector: "MemberExpression[object.name='process'][property.name='getBuiltinModule']",
    message: 'Imports are static, so that the arrows between the folders hold.',
  },
];

const AS_ANY = [{ selector: 'TSAsExpression > TSAnyKeyword', message: 'No `as any`.' }];

const globals = (names) => ({
  'no-restricted-globals': [
    'error',
    {
      globals: names.map((name) => ({ name, message: 'Time and the network come from ports.' })),
      checkGlobalObject: true,
    },
  ],
});
const TIMERS = ['performance', 'setTimeout', 'setInterval', 'fetch', 'WebSocket', 'EventSource'];

const syntax = (...lists) => ({ 'no-restricted-syntax': ['error', ...AS_ANY, ...lists.flat()] });

const effects = [
  {
    files: ['src/**/*.ts'],
    rules: {
      ...syntax(TIME_AND_CHANCE, ENVIRONMENT, DYNAMIC_IMPORT),
      ...globals([...TIMERS, 'setImmediate']),
    },
  },
  { files: ['src/eventstore/sqlite*.ts'], rules: globals(TIMERS) },
  // Loads its client only where CALLBOARD_STORE asks for it.
  { files: ['src/eventstore/eventstoredb*.ts'], rules: syntax(TIME_AND_CHANCE, ENVIRONMENT) },
  {
    files: ['src/adapters/**/*.ts'],
    rules: { ...syntax(ENVIRONMENT, DYNAMIC_IMPORT), 'no-restricted-globals': 'off' },
  },
  { files: ['src/main.ts'], rules: syntax(TIME_AND_CHANCE) },
  { files: ['src/cli/**/*.ts'], rules: { ...syntax(), 'no-restricted-globals': 'off' } },
];

// ---------------------------------------------------------------- tests

const SUITE = '/^(?:it|test|describe|suite)$/';
const HELD_BACK = '/^(?:only|skip|todo)$/';
const heldBack = [
  `MemberExpression[object.name=${SUITE}][property.name=${HELD_BACK}]`,
  `MemberExpression[object.object.name=${SUITE}][property.name=${HELD_BACK}]`,
  `CallExpression[callee.name=${SUITE}] > ObjectExpression > Property[key.name=${HELD_BACK}][value.value=true]`,
].map((selector) => ({ selector, message: 'Every test runs: no .only, .skip or .todo.' }));

// ---------------------------------------------------------------- the whole

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', 'data/', '.tmp/', 'bench/results/']),
  {
    files: ['**/*.{js,ts}'],
    extends: [js.configs.recommended, tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      ecmaVersion: 2024,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'no-undef': 'off', // TypeScript's own business
      eqeqeq: 'error',
      'no-restricted-imports': ['error', { patterns: EVERYWHERE }],
      ...syntax(),
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        {
          argsIgnorePattern: '^_',
          varsIgnorePattern: '^_',
          caughtErrorsIgnorePattern: '^_',
          ignoreRestSiblings: true,
        },
      ],
      '@typescript-eslint/require-await': 'off', // an in-memory port is async by contract
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
  {
    files: ['simulator/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [...EVERYWHERE, GATED.entry, NOT_TESTS] }],
    },
  },
  // The same seed gives the same stream on every machine, whenever it is asked for.
  {
    files: ['simulator/*.ts', 'simulator/orders/**/*.ts'],
    rules: {
      ...syntax(TIME_AND_CHANCE, ENVIRONMENT, DYNAMIC_IMPORT),
      ...globals([...TIMERS, 'setImmediate']),
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: { ...syntax(heldBack), '@typescript-eslint/unbound-method': 'off' },
  },
  ...importArrows,
  ...effects,
);
