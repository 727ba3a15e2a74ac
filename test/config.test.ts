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
        leaseMs: 5_000,
        publicUrl: null,
        rulesPath: null,
        sealEveryMs: 3_600_000,
        retentionEveryMs: 86_400_000,
        customerKeys: true,
        sealKeyPath: null,
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
      CALLBOARD_SEAL_EVERY_MS: '0',
      CALLBOARD_CUSTOMER_KEYS: 'off',
      CALLBOARD_SEAL_KEY: 'seal.pem',
      CALLBOARD_RULES: 'rules.json',
      CALLBOARD_ENV: 'development',
      CALLBOARD_PUBLIC_URL: 'https://callboard.example',
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
        leaseMs: 5_000,
        publicUrl: 'https://callboard.example',
        rulesPath: '/srv/rules.json',
        sealEveryMs: 0,
        retentionEveryMs: 86_400_000,
        customerKeys: false,
        sealKeyPath: '/srv/seal.pem',
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
    [
      'CALLBOARD_STORE',
      'postgres://x',
      'must be sqlite:[path], memory:, esdb://host:port or esdb+discover://host,host,host, not "postgres://x"',
    ],
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

  describe('of an EventStoreDB', () => {
    const store = (url: string, more: Readonly<Record<string, string>> = {}) => {
      const read = readConfig({ CALLBOARD_STORE: url, ...more }, '/srv');
      return read._tag === 'Left' ? read : right(read.right.store);
    };
    const reason = (url: string, more: Readonly<Record<string, string>> = {}): string => {
      const read = store(url, more);
      return read._tag === 'Left' ? read.left.map((bad) => `${bad.name} ${bad.reason}`).join() : 'none';
    };

    it('takes one node, without TLS', () => {
      expect(store('esdb://127.0.0.1:2114?tls=false')).toEqual(
        right({
          kind: 'esdb',
          address: {
            hosts: [{ address: '127.0.0.1', port: 2114 }],
            discover: false,
            tls: false,
            caFile: null,
            keepAliveIntervalMs: 10_000,
            keepAliveTimeoutMs: 10_000,
          },
          login: { user: null, certificate: null },
        }),
      );
    });

    it('takes a cluster, with TLS, user and certificate', () => {
      const secrets = {
        CALLBOARD_STORE_USER: 'callboard',
        CALLBOARD_STORE_PASSWORD: 'p@ss/word',
        CALLBOARD_STORE_CERT: 'user.crt',
        CALLBOARD_STORE_KEY: '/etc/user.key',
      };
      const url =
        'esdb+discover://a.example,b.example:2115?tlsCAFile=ca.crt&keepAliveInterval=-1&nodePreference=leader';
      expect(store(url, secrets)).toEqual(
        right({
          kind: 'esdb',
          address: {
            hosts: [
              { address: 'a.example', port: 2113 },
              { address: 'b.example', port: 2115 },
            ],
            discover: true,
            tls: true,
            caFile: '/srv/ca.crt',
            keepAliveIntervalMs: -1,
            keepAliveTimeoutMs: 10_000,
          },
          login: {
            user: { username: 'callboard', password: 'p@ss/word' },
            certificate: { certFile: '/srv/user.crt', keyFile: '/etc/user.key' },
          },
        }),
      );
      expect(store('esdb://a,b')).toMatchObject(right({ address: { discover: true } }));
    });

    it('shows no password, wherever it was written', () => {
      const shown = reason('esdb://admin:changeit@host:2113');
      expect(shown).toContain('CALLBOARD_STORE_USER');
      expect(shown).not.toContain('changeit');
      expect(reason('esdb://host', { CALLBOARD_STORE_PASSWORD: 'changeit' })).not.toContain('changeit');
    });

    it.each([
      ['esdb:/host', 'must look like'],
      ['esdb://', 'names a host that is none'],
      ['esdb://host:0', 'names a host that is none'],
      ['esdb://ho st', 'names a host that is none'],
      ['esdb://host?tls=maybe', 'tls=true or tls=false'],
      ['esdb://host?keepAliveInterval=5', 'keepAliveInterval from 1000'],
      ['esdb://host?nodePreference=follower', 'nodePreference=leader only'],
      ['esdb://host?tlsVerifyCert=false', 'does not take the option tlsVerifyCert'],
    ])('refuses %s', (url, words) => {
      expect(reason(url)).toContain(words);
    });

    it('refuses half a login, and a login without TLS', () => {
      expect(reason('esdb://host', { CALLBOARD_STORE_USER: 'x' })).toContain('go together');
      expect(reason('esdb://host', { CALLBOARD_STORE_CERT: 'x' })).toContain('go together');
      const user = { CALLBOARD_STORE_USER: 'x', CALLBOARD_STORE_PASSWORD: 'y' };
      expect(reason('esdb://host?tls=false', user)).toContain('with TLS only');
    });
  });
});
