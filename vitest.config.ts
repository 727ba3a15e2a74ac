import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    // Many tests wait for real processes: one worker would leave half of the machine idle.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
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
