import { type Either, left, right } from 'fp-ts/lib/Either.js';

/** Where an EventStoreDB is and how it is reached. Holds no secret: it may be shown. */
export interface DatabaseAddress {
  readonly hosts: ReadonlyArray<{ readonly address: string; readonly port: number }>;
  /** Ask the hosts who is the leader of their cluster. */
  readonly discover: boolean;
  readonly tls: boolean;
  /** PEM; null: the certificates that Node trusts. */
  readonly caFile: string | null;
  /** −1: no pings. */
  readonly keepAliveIntervalMs: number;
  readonly keepAliveTimeoutMs: number;
}

/** A user by name, by certificate (PEM files), by both, or none: an insecure database knows no users. */
export interface DatabaseLogin {
  readonly user: { readonly username: string; readonly password: string } | null;
  readonly certificate: { readonly certFile: string; readonly keyFile: string } | null;
}

const PORT = 2113;
const KEEP_ALIVE_MS = 10_000;
const ADDRESS = /^esdb(?<discover>\+discover)?:\/\/(?<hosts>[^/?#]*)\/?(?:\?(?<query>[^#]*))?$/;
const HOST = /^(?<address>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::(?<port>\d{1,5}))?$/;

/** The vendor's connection strings, as far as they say where the database is. Left: what is wrong, in words. */
export const parseAddress = (text: string): Either<string, DatabaseAddress> => {
  const parts = ADDRESS.exec(text)?.groups;
  if (parts === undefined)
    return left('must look like esdb://host:2113?tls=false or esdb+discover://host1,host2,host3');
  const { discover, hosts = '', query = '' } = parts;
  // Not shown in the message: it is a password.
  if (hosts.includes('@')) {
    return left('must not hold a user: set CALLBOARD_STORE_USER and CALLBOARD_STORE_PASSWORD instead');
  }
  const parsedHosts = hosts.split(',').map(parseHost);
  if (parsedHosts.some((host) => host === undefined)) return left(`names a host that is none in "${hosts}"`);
  const options = parseOptions(new URLSearchParams(query));
  if (typeof options === 'string') return left(options);
  return right({
    hosts: parsedHosts.filter((host) => host !== undefined),
    discover: discover !== undefined || parsedHosts.length > 1,
    ...options,
  });
};

const parseHost = (text: string): DatabaseAddress['hosts'][number] | undefined => {
  const parts = HOST.exec(text)?.groups;
  const port = Number(parts?.['port'] ?? PORT);
  const address = parts?.['address'];
  return address === undefined || port < 1 || port > 65_535 ? undefined : { address, port };
};

type Options = Omit<DatabaseAddress, 'hosts' | 'discover'>;

const parseOptions = (query: URLSearchParams): Options | string => {
  let tls = true;
  let caFile: string | null = null;
  let keepAliveIntervalMs = KEEP_ALIVE_MS;
  let keepAliveTimeoutMs = KEEP_ALIVE_MS;
  for (const [name, value] of query) {
    switch (name.toLowerCase()) {
      case 'tls':
        if (value !== 'true' && value !== 'false') return `takes tls=true or tls=false, not tls=${value}`;
        tls = value === 'true';
        break;
      case 'tlscafile':
        caFile = value;
        break;
      case 'keepaliveinterval':
        keepAliveIntervalMs = Number(value);
        break;
      case 'keepalivetimeout':
        keepAliveTimeoutMs = Number(value);
        break;
      case 'nodepreference':
        // What this process has written it must read again at once, which only the leader promises.
        if (value.toLowerCase() !== 'leader') return `takes nodePreference=leader only, not ${value}`;
        break;
      default:
        return `does not take the option ${name}: tls, tlsCAFile, keepAliveInterval, keepAliveTimeout, nodePreference`;
    }
  }
  const times = { keepAliveInterval: keepAliveIntervalMs, keepAliveTimeout: keepAliveTimeoutMs };
  for (const [name, ms] of Object.entries(times)) {
    if (!Number.isInteger(ms) || (ms !== -1 && (ms < 1_000 || ms > 3_600_000))) {
      return `takes ${name} from 1000 to 3600000 (milliseconds) or -1`;
    }
  }
  return { tls, caFile, keepAliveIntervalMs, keepAliveTimeoutMs };
};

/** As it is shown in logs and messages. */
export const showAddress = ({ hosts, discover, tls }: DatabaseAddress): string =>
  `esdb${discover ? '+discover' : ''}://${hosts.map(({ address, port }) => `${address}:${port}`).join(',')}${tls ? '' : ' without TLS'}`;
