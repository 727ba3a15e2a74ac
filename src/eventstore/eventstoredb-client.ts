import { readFileSync } from 'node:fs';
import type { ErrorType as ErrorTypes, EventStoreDBClient } from '@eventstore/db-client';
import type { DatabaseAddress, DatabaseLogin } from './eventstoredb-address.ts';

export interface DatabaseClient extends Pick<
  EventStoreDBClient,
  'appendToStream' | 'readStream' | 'readAll' | 'subscribeToAll'
> {
  /** The server's version. Rejects while no node answers that may serve: its features, the leader, and that all may be read. */
  probe(): Promise<string>;
  /** Cancels everything under way and closes the connection, which the client itself leaves open. */
  end(): Promise<void>;
}

export interface Driver {
  readonly ErrorType: typeof ErrorTypes;
  /** Connects at the first call. Throws when a certificate cannot be read. */
  connect(address: DatabaseAddress, login: DatabaseLogin): DatabaseClient;
}

const NOT_DISCOVERED = /^Failed to discover/;

/** The module, loaded where it is needed: a server on SQLite starts without it. */
export const loadDriver = async (): Promise<Driver> => {
  const module = await import('@eventstore/db-client');
  const { EventStoreDBClient: Base, ErrorType, BACKWARDS, END } = module;

  class Client extends Base {
    async probe(): Promise<string> {
      const { serverVersion } = await this.capabilities;
      const newest = this.readAll({
        direction: BACKWARDS,
        fromPosition: END,
        maxCount: 1,
        requiresLeader: true,
      });
      await new Promise<void>((resolve, reject) => {
        newest.on('error', reject).on('end', resolve).resume();
      });
      return serverVersion;
    }

    async end(): Promise<void> {
      await this.dispose();
      (await this.getChannel()).close();
    }
  }

  /** Of a cluster that cannot be asked the client says only that; what is in the way of one of its hosts says more. */
  const explaining = (cluster: Client, alone: () => Client): DatabaseClient => {
    const probe = cluster.probe.bind(cluster);
    return Object.assign(cluster, {
      probe: () =>
        probe().catch(async (error: unknown) => {
          if (!(error instanceof Error && NOT_DISCOVERED.test(error.message))) throw error;
          const client = alone();
          await client.probe().finally(() => client.end());
          throw error;
        }),
    });
  };

  return {
    ErrorType,
    connect: (address, login) => {
      const common = {
        keepAliveInterval: address.keepAliveIntervalMs,
        keepAliveTimeout: address.keepAliveTimeoutMs,
        connectionName: 'callboard',
      };
      const [endpoint, ...others] = address.hosts;
      if (endpoint === undefined) throw new Error('an address without hosts');
      // All hosts are asked in turn; the client's own `discover` would only take the first.
      const gossip = {
        ...common,
        endpoints: [endpoint, ...others],
        maxDiscoverAttempts: 1,
        gossipTimeout: 2,
      };
      const security = {
        insecure: !address.tls,
        ...(address.tls && address.caFile !== null && { rootCertificate: readFileSync(address.caFile) }),
        ...(address.tls &&
          login.certificate !== null && {
            userCertFile: readFileSync(login.certificate.certFile),
            userKeyFile: readFileSync(login.certificate.keyFile),
          }),
      };
      const user = address.tls && login.user !== null ? login.user : undefined;
      const alone = (host: typeof endpoint) => new Client({ ...common, endpoint: host }, security, user);
      return address.discover
        ? explaining(new Client(gossip, security, user), () => alone(endpoint))
        : alone(endpoint);
    },
  };
};
