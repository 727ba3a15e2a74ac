import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Processes that tests start compile each module once for all of them. */
const NODE_COMPILE_CACHE = fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url));

export default defineConfig({
  test: {
    pool: 'forks',
    // Many tests wait for real processes: one worker would leave half of the machine idle.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    env: { NODE_COMPILE_CACHE },
    setupFiles: ['test/support/property-seed.ts'],
    projects: [
      {
        extends: true,
        test: { name: 'main', include: ['test/**/*.test.ts'], exclude: ['test/eventstoredb/**'] },
      },
      {
        // What needs a store, on EventStoreDB's double: npm run test:esdb.
        extends: true,
        test: {
          name: 'eventstoredb',
          include: ['test/eventstoredb/**/*.test.ts', 'test/http/**/*.test.ts'],
          env: { CALLBOARD_TEST_STORE: 'double' },
        },
      },
    ],
  },
});
