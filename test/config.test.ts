import { left, right } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';

describe('the configuration', () => {
  it('has a default for everything', () => {
    expect(readConfig({}, '/srv')).toEqual(
      right({
        host: '127.0.0.1',
        port: 8080,
        dataDir: '/srv/data',
        store: { kind: 'sqlite', path: '/srv/data/events.db' },
        secret: null,
        allowTargets: '',
        retryBaseMs: 30_000,
        attemptTimeoutMs: 15_000,
        rulesPath: null,
        logLevel: 'info',
        development: false,
      }),
    );
  });

  it('takes what the environment says', () => {
    const environment = {
      HOST: '::1',
      PORT: '0',
      CALLBOARD_DATA_DIR: '/var/lib/callboard',
      CALLBOARD_STORE: 'sqlite:elsewhere/log.db',
      CALLBOARD_SECRET: 'x'.repeat(32),
      CALLBOARD_ALLOW_TARGETS: '127.0.0.0/8',
      CALLBOARD_RETRY_BASE_MS: '10',
      CALLBOARD_ATTEMPT_TIMEOUT_MS: '120000',
      CALLBOARD_RULES: 'rules.json',
      CALLBOARD_ENV: 'development',
      LOG_LEVEL: 'warn',
    };
    expect(readConfig(environment, '/srv')).toEqual(
      right({
        host: '::1',
        port: 0,
        dataDir: '/var/lib/callboard',
        store: { kind: 'sqlite', path: '/srv/elsewhere/log.db' },
        secret: 'x'.repeat(32),
        allowTargets: '127.0.0.0/8',
        retryBaseMs: 10,
        attemptTimeoutMs: 120_000,
        rulesPath: '/srv/rules.json',
        logLevel: 'warn',
        development: true,
      }),
    );
    expect(readConfig({ CALLBOARD_STORE: 'memory:' }, '/srv')).toMatchObject(
      right({ store: { kind: 'memory' } }),
    );
  });

  it.each([
    ['PORT', '65536', 'must be a whole number from 0 to 65535, not "65536"'],
    ['PORT', '80a', 'must be a whole number from 0 to 65535, not "80a"'],
    ['CALLBOARD_RETRY_BASE_MS', '9', 'must be a whole number from 10 to 3600000, not "9"'],
    ['CALLBOARD_ATTEMPT_TIMEOUT_MS', '-1', 'must be a whole number from 100 to 120000, not "-1"'],
    ['CALLBOARD_STORE', 'postgres://x', 'must be sqlite:[path] or memory:, not "postgres://x"'],
    ['CALLBOARD_SECRET', 'short', 'must be at least 32 characters, not a value of the wrong form'],
    ['CALLBOARD_ENV', 'dev', 'must be one of production, development, not "dev"'],
    ['LOG_LEVEL', 'loud', 'must be one of debug, info, warn, error, silent, not "loud"'],
    ['HOST', '', 'must be a host name or address, not ""'],
  ])('refuses %s=%s with its name and the reason', (name, value, reason) => {
    expect(readConfig({ [name]: value }, '/srv')).toEqual(left([{ name, reason }]));
  });

  it('names all bad variables at once', () => {
    const read = readConfig({ PORT: 'x', LOG_LEVEL: 'x' }, '/srv');
    expect(read._tag === 'Left' ? read.left.map(({ name }) => name) : []).toEqual(['PORT', 'LOG_LEVEL']);
  });
});
