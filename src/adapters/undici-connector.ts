import { isIP, Socket } from 'node:net';
import { buildConnector, Client } from 'undici';
import { AddressRefused, guardedLookup, type Resolver } from './address-guard.ts';

export interface ConnectorOptions {
  readonly isAllowedAddress: (ip: string) => boolean;
  readonly resolve: Resolver;
  /** From the name's resolution to the end of the TLS handshake. */
  readonly connectTimeoutMs: number;
}

export type GuardedConnector = (
  target: buildConnector.Options,
  onDial: (ip: string) => void,
  callback: buildConnector.Callback,
) => void;

/**
 * Connects to allowed addresses only. A lookup alone is no guard, as sockets do not look up addresses: so literals are
 * checked first, then all addresses of a name, then the address that the socket really reached. The address checked
 * is the address dialled, so a name that changes its mind in between gains nothing.
 */
export const guardedConnector = (options: ConnectorOptions): GuardedConnector => {
  const { isAllowedAddress, resolve, connectTimeoutMs } = options;
  const connect = buildConnector({
    allowH2: false,
    timeout: connectTimeoutMs,
    lookup: guardedLookup(resolve, isAllowedAddress),
  });
  return (target, onDial, callback) => {
    const host = target.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !isAllowedAddress(host)) {
      // Not at once: the client is still in the middle of starting this connection.
      setImmediate(callback, new AddressRefused(host), null);
      return;
    }
    const dialled: unknown = connect(target, (...result: [Error | null, (Socket | null)?]) => {
      const [error, socket] = result;
      if (error !== null || !socket) return callback(error ?? new Error('no socket'), null);
      const reached = socket.remoteAddress;
      if (reached === undefined) return callback(new ConnectionLost(), null);
      if (!isAllowedAddress(reached)) {
        socket.destroy();
        return callback(new AddressRefused(reached), null);
      }
      onDial(reached);
      callback(null, socket);
    });
    // The socket is handed out early so that the log knows where a connection hangs.
    if (dialled instanceof Socket) dialled.on('connectionAttempt', onDial);
  };
};

class ConnectionLost extends Error {
  readonly code = 'ECONNRESET';
}

/** Where a client's connection leads; kept-alive connections keep it. */
export interface Connection {
  address: string | null;
}

/** Handlers that want to know over which connection they go. */
export abstract class ConnectionAware {
  abstract dispatchedOver(connection: Connection): void;
}

/** A client, which is one connection at a time, that knows the address at its other end. */
export class DialledClient extends Client {
  readonly #connection: Connection;

  constructor(origin: string | URL, options: Client.Options, connector: GuardedConnector) {
    const connection: Connection = { address: null };
    const onDial = (ip: string): void => {
      connection.address = ip;
    };
    super(origin, {
      ...options,
      connect: (target, callback) => {
        connection.address = null;
        connector(target, onDial, callback);
      },
    });
    this.#connection = connection;
  }

  override dispatch(...[options, handler]: Parameters<Client['dispatch']>): boolean {
    if (handler instanceof ConnectionAware) handler.dispatchedOver(this.#connection);
    return super.dispatch(options, handler);
  }
}
