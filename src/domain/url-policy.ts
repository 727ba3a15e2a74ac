import { type Either, left, right } from 'fp-ts/lib/Either.js';

export type UrlRefusalReason =
  'too_long' | 'unreadable' | 'scheme' | 'user_info' | 'fragment' | 'host' | 'address' | 'port';

/** Why a webhook may not be sent there; `message` tells its owner what to do. */
export interface UrlRefusal {
  readonly _tag: 'UrlRefused';
  readonly reason: UrlRefusalReason;
  readonly message: string;
}

/** Whether a webhook may be sent there, and the URL as it will be called. */
export type UrlPolicy = (text: string) => Either<UrlRefusal, URL>;

export const URL_LENGTH_MAX = 2048;
const HOST_LENGTH_MAX = 253;

/** Below 1024 only the web's own ports are open: mail, DNS, SSH and the like all live there. */
const LOW_PORTS: ReadonlySet<number> = new Set([80, 443]);
const FIRST_FREE_PORT = 1024;

/** From 1024 on everything is open but what is known to belong to stores, queues, remote control and browsers' own list. */
const DENIED_PORTS: ReadonlySet<number> = new Set([
  // databases, caches, search
  1433, 1521, 3306, 5432, 5984, 6379, 6380, 9042, 9200, 9300, 11211, 27017, 27018, 27019,
  // queues, event stores, coordination
  1113, 1883, 2113, 2181, 2379, 2380, 4369, 5671, 5672, 8500, 9092,
  // remote control of machines and clusters
  2049, 2375, 2376, 3389, 5900, 5985, 5986, 6443, 10250, 10255,
  // refused by browsers: telephony, X11, IRC, mail filters (Fetch standard, "bad port")
  1719, 1720, 1723, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/** Names that only mean something inside one machine or network (RFC 6761, RFC 6762, ICANN's .internal). */
const PRIVATE_SUFFIXES: ReadonlyArray<string> = ['local', 'internal', 'localhost'];

const BLANK_OR_CONTROL = /[\s\p{Cc}\p{Cf}]/u;
const SCHEME_AND_HOST = /^https?:\/\/[^/?#]/i;
const USER_INFO = /^[^/?#]*\/\/[^/?#]*@/;
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;

/**
 * The rule for URLs when a webhook is saved, and again before each attempt. It judges what the URL standard makes of
 * the text, so that every spelling of an address is the same address. Names are not resolved here: what they resolve
 * to is judged by the same `isAllowedAddress` at each connect.
 */
export const checkUrl = (
  text: string,
  isAllowedAddress: (ip: string) => boolean,
): Either<UrlRefusal, URL> => {
  if (text.length > URL_LENGTH_MAX) {
    return refuse('too_long', `The URL is longer than ${URL_LENGTH_MAX} characters: use a shorter one.`);
  }
  if (BLANK_OR_CONTROL.test(text)) {
    return refuse(
      'unreadable',
      'The URL holds white space or control characters: remove them, or write %20.',
    );
  }
  if (text.includes('\\')) {
    return refuse('unreadable', 'The URL holds a backslash: write a slash, or %5C.');
  }
  if (!SCHEME_AND_HOST.test(text)) {
    return refuse('scheme', 'The URL must start with http:// or https://, followed by a host name.');
  }
  const url = URL.parse(text);
  if (url === null) {
    return refuse('unreadable', 'The URL cannot be read: write it as https://host.example/path.');
  }
  if (url.username !== '' || url.password !== '' || USER_INFO.test(text)) {
    return refuse(
      'user_info',
      'The URL holds a user name or password: remove all before the host and the @.',
    );
  }
  if (text.includes('#')) {
    return refuse(
      'fragment',
      'The URL holds a fragment, which is never sent: remove the # and what follows.',
    );
  }
  const address = literalAddress(url.hostname);
  return address === null ? checkName(url) : checkAddress(url, address, isAllowedAddress);
};

/** An address in the host's place, without the brackets of IPv6. The standard has folded 127.1, 0x7f.1 and the like. */
const literalAddress = (hostname: string): string | null => {
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  return IPV4.test(hostname) ? hostname : null;
};

const checkAddress = (
  url: URL,
  address: string,
  isAllowedAddress: (ip: string) => boolean,
): Either<UrlRefusal, URL> => {
  if (!isAllowedAddress(address)) {
    return refuse('address', `${address} is not a public address: use a host that the Internet can reach.`);
  }
  return checkPort(url);
};

const checkName = (url: URL): Either<UrlRefusal, URL> => {
  const name = url.hostname.endsWith('.') ? url.hostname.slice(0, -1) : url.hostname;
  const labels = name.split('.');
  if (name.length > HOST_LENGTH_MAX || labels.some((label) => label === '' || label.length > 63)) {
    return refuse('host', 'The host name has an empty or too long part: write it as host.example.');
  }
  if (PRIVATE_SUFFIXES.includes(labels.at(-1) ?? '')) {
    return refuse('host', `${name} is a name of a private network: use a host that the Internet can reach.`);
  }
  if (labels.length === 1) {
    return refuse('host', `${name} is a single word: use the full name of the host, such as host.example.`);
  }
  return checkPort(url);
};

const checkPort = (url: URL): Either<UrlRefusal, URL> => {
  if (url.port === '') return right(url);
  const port = Number(url.port);
  const open = LOW_PORTS.has(port) || (port >= FIRST_FREE_PORT && !DENIED_PORTS.has(port));
  return open
    ? right(url)
    : refuse('port', `Port ${port} is not open to webhooks: use 80, 443, 8080, 8443 or another above 1023.`);
};

const refuse = (reason: UrlRefusalReason, message: string): Either<UrlRefusal, never> =>
  left({ _tag: 'UrlRefused', reason, message });
