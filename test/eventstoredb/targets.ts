import { readFileSync } from 'node:fs';
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import { isLeft } from 'fp-ts/lib/Either.js';
import { parseAddress } from '../../src/eventstore/eventstoredb-address.ts';
import { Double } from './double/server.ts';
import { type Reached, realServer } from './real.ts';
import { Relay } from './relay.ts';

/** A server that a test may lose and find again. */
export interface Target extends Reached {
  /** Connections break; new ones are taken at once. */
  cut(): void;
  /** Connections break and nobody answers any more. */
  leave(): void;
  comeBack(): Promise<void>;
  /** When the test is over. */
  end(): void;
}

const startDouble = async (): Promise<Target> => {
  const double = await new Double().start();
  return {
    url: double.url,
    login: { user: null, certificate: null },
    cut: () => double.cut(),
    leave: () => double.stop(),
    comeBack: async () => void (await double.start()),
    end: () => double.stop(),
  };
};

/** The real one stays as it is; only the way to it is cut. */
const relayTo = async ({ url, login }: Reached): Promise<Target> => {
  const parsed = parseAddress(url);
  if (isLeft(parsed)) throw new Error(`ESDB_URL ${parsed.left}`);
  const { hosts, discover, tls, caFile } = parsed.right;
  const [first] = hosts;
  if (first === undefined) throw new Error('ESDB_URL names no host');
  const leader = discover ? await leaderOf(first, tls, caFile) : first;
  const relay = await new Relay(leader).start();
  const query = url.includes('?') ? url.slice(url.indexOf('?')) : '';
  return {
    url: `esdb://127.0.0.1:${relay.port}${query}`,
    login,
    cut: () => relay.cut(),
    leave: () => relay.stop(),
    comeBack: async () => void (await relay.start()),
    end: () => relay.stop(),
  };
};

interface Gossip {
  readonly members: ReadonlyArray<{
    readonly state: string;
    readonly isAlive: boolean;
    readonly httpEndPointIp: string;
    readonly httpEndPointPort: number;
  }>;
}

/** One relay leads to one node, and all that we do is the leader's. */
const leaderOf = async (
  { address, port }: { readonly address: string; readonly port: number },
  tls: boolean,
  caFile: string | null,
): Promise<{ readonly address: string; readonly port: number }> => {
  const text = await new Promise<string>((resolve, reject) => {
    const take = (answer: NodeJS.ReadableStream): void => {
      let body = '';
      answer.on('data', (chunk) => (body += String(chunk))).on('end', () => resolve(body));
    };
    const url = `${tls ? 'https' : 'http'}://${address}:${port}/gossip`;
    const request = tls
      ? getSecure(url, caFile === null ? {} : { ca: readFileSync(caFile) }, take)
      : getPlain(url, take);
    request.on('error', reject);
  });
  const { members } = JSON.parse(text) as Gossip;
  const leader = members.find(({ state, isAlive }) => isAlive && state === 'Leader');
  if (leader === undefined) throw new Error('the cluster of ESDB_URL has no leader');
  return { address: leader.httpEndPointIp, port: leader.httpEndPointPort };
};

const real = realServer();

/** The double, and the real server where one is named: for `describe.each`. */
export const TARGETS: ReadonlyArray<readonly [string, () => Promise<Target>]> = [
  ['the double', startDouble],
  ...(real === undefined ? [] : [['the real server', () => relayTo(real)] as const]),
];
