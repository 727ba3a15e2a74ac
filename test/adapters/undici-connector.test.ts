import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAllowedAddress, isPublicAddress, parseAllowTargets } from '../../src/adapters/address-guard.ts';
import { type ConnectorOptions, guardedConnector } from '../../src/adapters/undici-connector.ts';
import { DENIED_ADDRESSES, DENIED_HOSTS } from './ssrf-vectors.ts';

const server = createServer((socket) => socket.on('error', () => undefined));
let port = '';
let accepted = 0;

beforeAll(async () => {
  server.on('connection', () => (accepted += 1));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  port = String((server.address() as AddressInfo).port);
});
afterAll(() => {
  server.close();
});

interface Attempted {
  readonly error: string | null;
  /** Every address that a socket was told to connect to. */
  readonly dialled: ReadonlyArray<string>;
}

const connectTo = (hostname: string, options: Partial<ConnectorOptions> = {}): Promise<Attempted> => {
  const connect = guardedConnector({
    isAllowedAddress: isPublicAddress,
    resolve: async () => [],
    connectTimeoutMs: 1000,
    ...options,
  });
  const dialled: string[] = [];
  return new Promise((done) => {
    connect(
      { hostname, host: hostname, protocol: 'http:', port },
      (ip) => dialled.push(ip),
      (...[error, socket]) => {
        socket?.destroy();
        done({ error: error?.message ?? null, dialled });
      },
    );
  });
};

const loopbackAllowed = (): ((ip: string) => boolean) => {
  const allow = parseAllowTargets('127.0.0.1');
  return allow._tag === 'Right' ? isAllowedAddress(allow.right) : isPublicAddress;
};

/** Spellings of the one address that these tests open. */
const OPENED_HERE = ['127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:0001'];

/** As the URL standard leaves it, and as the HTTP client hands it on. */
const hostnameOf = (host: string): string => new URL(`http://${host}/`).hostname;

describe('guardedConnector', () => {
  it('reaches an allowed address, and reports it', async () => {
    const before = accepted;
    expect(await connectTo('127.0.0.1', { isAllowedAddress: loopbackAllowed() })).toMatchObject({
      error: null,
    });
    const byName = await connectTo('partner.example', {
      isAllowedAddress: loopbackAllowed(),
      resolve: async () => ['127.0.0.1'],
    });
    expect(byName.error).toBeNull();
    expect(new Set(byName.dialled)).toEqual(new Set(['127.0.0.1']));
    expect(accepted).toBe(before + 2);
  });

  it.each(DENIED_HOSTS)('dials nothing for http://%s/', async (host) => {
    const { error, dialled } = await connectTo(hostnameOf(host));
    expect(error).toMatch(/^refused: .+ is not a public address$/);
    expect(dialled).toEqual([]);
  });

  it.each(DENIED_HOSTS.filter((host) => host.startsWith('[')))(
    'dials nothing for %s without brackets',
    async (host) => {
      const { error, dialled } = await connectTo(hostnameOf(host).slice(1, -1));
      expect(error).toMatch(/^refused: /);
      expect(dialled).toEqual([]);
    },
  );

  it.each(DENIED_ADDRESSES)(
    'dials nothing for a name that resolves to %s, alone or among others',
    async (denied) => {
      const before = accepted;
      const isAllowed = loopbackAllowed();
      const bad = OPENED_HERE.includes(denied) ? '127.0.0.2' : denied;
      for (const addresses of [
        [bad],
        ['127.0.0.1', bad],
        [bad, '127.0.0.1'],
        ['127.0.0.1', '8.8.8.8', bad],
      ]) {
        const resolve = async (): Promise<ReadonlyArray<string>> => addresses;
        const { error, dialled } = await connectTo('partner.example', {
          isAllowedAddress: isAllowed,
          resolve,
        });
        expect(error).toBe(`refused: ${bad} is not a public address`);
        expect(dialled).toEqual([]);
      }
      expect(accepted).toBe(before);
    },
  );

  it('resolves again at every connect, so that a name may not turn', async () => {
    const answers = [['127.0.0.1'], ['127.0.0.2'], ['127.0.0.1', '10.0.0.1']];
    const options = { isAllowedAddress: loopbackAllowed(), resolve: async () => answers.shift() ?? [] };
    expect((await connectTo('partner.example', options)).error).toBeNull();
    expect(await connectTo('partner.example', options)).toEqual({
      error: 'refused: 127.0.0.2 is not a public address',
      dialled: [],
    });
    expect(await connectTo('partner.example', options)).toEqual({
      error: 'refused: 10.0.0.1 is not a public address',
      dialled: [],
    });
  });

  it('asks the resolver once for each connection', async () => {
    let asked = 0;
    const resolve = async (): Promise<ReadonlyArray<string>> => {
      asked += 1;
      return asked === 1 ? ['127.0.0.1'] : ['127.0.0.2'];
    };
    const { error, dialled } = await connectTo('partner.example', {
      isAllowedAddress: loopbackAllowed(),
      resolve,
    });
    expect(error).toBeNull();
    expect(dialled).not.toContain('127.0.0.2');
    expect(asked).toBe(1);
  });

  it('looks at the address that was reached, whatever the lookup said', async () => {
    let asked = 0;
    const onlyBeforehand = (): boolean => {
      asked += 1;
      return asked === 1;
    };
    const { error } = await connectTo('127.0.0.1', { isAllowedAddress: onlyBeforehand });
    expect(error).toBe('refused: 127.0.0.1 is not a public address');
  });
});
