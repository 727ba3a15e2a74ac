import { lookup, Resolver as DnsResolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import type { Resolver } from './address-guard.ts';

const HOSTS_FILE = '/etc/hosts';
/** Per try; the second try takes twice as long. */
const QUERY_TIMEOUT_MS = 1500;
const TRIES = 2;

/**
 * Names by DNS, without `getaddrinfo`: that runs on a few threads, so that a handful of names whose servers are dead
 * would hold up all others. It is asked only for what DNS does not know: the hosts file, and machines without DNS.
 */
export const systemResolver = (): Resolver => {
  const dns = new DnsResolver({ timeout: QUERY_TIMEOUT_MS, tries: TRIES });
  const local = hostsFileNames();
  const ask = async (name: string): Promise<ReadonlyArray<string>> => {
    if (name === 'localhost' || local.has(name)) return byHost(name);
    const [v4, v6] = await Promise.allSettled([dns.resolve4(name), dns.resolve6(name)]);
    const found = [v4, v6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (found.length > 0) return found;
    const reason: unknown = v4.status === 'rejected' ? v4.reason : undefined;
    if (codeOf(reason) === 'ECONNREFUSED') return byHost(name);
    throw reason;
  };
  // A burst of connections to one host is one question; nothing is kept beyond its answer.
  const asked = new Map<string, Promise<ReadonlyArray<string>>>();
  return (hostname) => {
    const name = hostname.toLowerCase().replace(/\.$/, '');
    const known = asked.get(name);
    if (known !== undefined) return known;
    const answer = ask(name).finally(() => asked.delete(name));
    asked.set(name, answer);
    return answer;
  };
};

const byHost = async (name: string): Promise<ReadonlyArray<string>> =>
  (await lookup(name, { all: true, order: 'verbatim' })).map(({ address }) => address);

const hostsFileNames = (): ReadonlySet<string> => {
  try {
    const lines = readFileSync(HOSTS_FILE, 'utf8').split('\n');
    return new Set(
      lines.flatMap((line) => line.replace(/#.*/, '').toLowerCase().trim().split(/\s+/).slice(1)),
    );
  } catch {
    return new Set();
  }
};

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;
