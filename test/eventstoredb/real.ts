import type { DatabaseLogin } from '../../src/eventstore/eventstoredb-address.ts';

/** How a server is reached, as the program would be told. */
export interface Reached {
  readonly url: string;
  readonly login: DatabaseLogin;
}

/**
 * The real server that `ESDB_URL` names, if any: a vendor's connection string, so it may hold `user:password@`. The tests
 * leave in it what they write: streams under fresh names, and one of Callboard's own.
 */
export const realServer = (url: string | undefined = process.env['ESDB_URL']): Reached | undefined => {
  if (url === undefined || url === '') return undefined;
  const [, scheme = '', username, password = '', rest = ''] =
    /^([^:]+:\/\/)(?:([^:@/]*)(?::([^@/]*))?@)?(.*)$/.exec(url) ?? [];
  const user =
    username === undefined
      ? null
      : { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  return { url: scheme + rest, login: { user, certificate: null } };
};
