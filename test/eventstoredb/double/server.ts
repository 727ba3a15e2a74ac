import {
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';
import featuresGrpc from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import featuresPb from '@eventstore/db-client/generated/serverfeatures_pb.js';
import gossipGrpc from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import gossipPb from '@eventstore/db-client/generated/gossip_pb.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { AppendService } from './append-service.ts';
import { failure } from './failure.ts';
import { Faults } from './faults.ts';
import { DoubleLog } from './log.ts';
import { ReadService } from './read-service.ts';

export interface DoubleOptions {
  readonly port?: number;
  /** PEM texts. */
  readonly tls?: { readonly key: Buffer; readonly certificate: Buffer; readonly ca?: Buffer };
  /** What another double has stored: nodes of one cluster. */
  readonly log?: DoubleLog;
}

/** The server's limit for one message. */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;
const HOST = '127.0.0.1';

/**
 * A server that speaks EventStoreDB's protocol on the client's own stubs and keeps everything in memory. Where a real one
 * does something else, this one is wrong.
 */
export class Double {
  readonly log: DoubleLog;
  readonly faults = new Faults();
  readonly appends: AppendService;
  readonly reads: ReadService;
  /** The nodes that gossip tells of; this one alone when it is empty. */
  readonly members: Array<{ readonly port: number; readonly state: gossipPb.MemberInfo.VNodeState }> = [];
  probes = 0;
  port: number;
  #server: Server | undefined;
  readonly #tls: DoubleOptions['tls'];

  constructor({ port = 0, tls, log = new DoubleLog() }: DoubleOptions = {}) {
    this.port = port;
    this.#tls = tls;
    this.log = log;
    const cutAll = (): void => this.cut();
    this.appends = new AppendService(this.log, this.faults, cutAll);
    this.reads = new ReadService(this.log, this.faults, () => ({ address: HOST, port: this.port }), cutAll);
  }

  get url(): string {
    return `esdb://${HOST}:${this.port}?tls=${this.#tls !== undefined}`;
  }

  /** On the same port as before, with what is on "disk". */
  async start(): Promise<this> {
    const server = new Server({ 'grpc.max_receive_message_length': MESSAGE_BYTES_MAX });
    server.addService(streamsGrpc.StreamsService, {
      read: (call: ServerWritableStream<streamsPb.ReadReq, streamsPb.ReadResp>) => {
        const refusal = this.#refusal(call);
        if (refusal === undefined) this.reads.read(call);
        else call.emit('error', refusal);
      },
      append: (...parts: Parameters<AppendService['classic']>) => this.appends.classic(...parts),
      batchAppend: (call: Parameters<AppendService['batch']>[0]) => {
        const refusal = this.#refusal(call);
        if (refusal === undefined) this.appends.batch(call);
        else call.emit('error', refusal);
      },
      delete: this.#delete(false),
      tombstone: this.#delete(true),
    });
    server.addService(featuresGrpc.ServerFeaturesService, {
      getSupportedMethods: (
        call: ServerUnaryCall<sharedPb.Empty, featuresPb.SupportedMethods>,
        answer: sendUnaryData<featuresPb.SupportedMethods>,
      ) => this.#features(answer),
    });
    server.addService(gossipGrpc.GossipService, {
      read: (_: unknown, answer: sendUnaryData<gossipPb.ClusterInfo>) => answer(null, this.#gossip()),
    });
    const credentials =
      this.#tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(this.#tls.ca ?? null, [
            { private_key: this.#tls.key, cert_chain: this.#tls.certificate },
          ]);
    this.port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${HOST}:${this.port}`, credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    this.#server = server;
    return this;
  }

  /** As after a kill: every connection breaks, what is stored stays. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.log.forget();
  }

  async restart(): Promise<void> {
    this.stop();
    await this.start();
  }

  /** Breaks all connections; new ones are taken at once. */
  cut(): void {
    void this.restart();
  }

  /** Nobody's streams may not be read; a user that is not known is not even asked what for. */
  #refusal({
    metadata,
  }: {
    readonly metadata: { get(name: string): ReadonlyArray<string | Buffer> };
  }): Error | undefined {
    const { users } = this.faults;
    if (users === undefined || this.#tls === undefined) return undefined;
    const [header] = metadata.get('authorization').map(String);
    if (header === undefined)
      return failure(status.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' });
    const login = Buffer.from(header.replace('Basic ', ''), 'base64').toString('utf8');
    const name = login.slice(0, Math.max(login.indexOf(':'), 0));
    const password = login.slice(name.length + 1);
    return Object.hasOwn(users, name) && users[name] === password
      ? undefined
      : failure(status.UNAUTHENTICATED, 'Unauthenticated');
  }

  #features(answer: sendUnaryData<featuresPb.SupportedMethods>): void {
    this.probes += 1;
    switch (this.faults.probes.shift()) {
      case 'silent':
        return;
      case 'unavailable':
        return answer(failure(status.UNAVAILABLE, 'No connection established'));
      case 'internal':
        return answer(failure(status.INTERNAL, 'Received RST_STREAM with code 0'));
      case 'unimplemented':
        return answer(failure(status.UNIMPLEMENTED, 'unknown service'));
      case undefined:
    }
    const methods = new featuresPb.SupportedMethods().setEventStoreServerVersion(this.faults.version);
    // In lower case, as the server tells them.
    for (const name of ['read', 'append', 'batchappend', 'delete', 'tombstone']) {
      const method = new featuresPb.SupportedMethod();
      method.setServiceName('event_store.client.streams.streams').setMethodName(name);
      methods.addMethods(method);
    }
    answer(null, methods);
  }

  #gossip(): gossipPb.ClusterInfo {
    const info = new gossipPb.ClusterInfo();
    const leader = gossipPb.MemberInfo.VNodeState.LEADER;
    const members = this.members.length > 0 ? this.members : [{ port: this.port, state: leader }];
    for (const { port, state } of members) {
      const member = new gossipPb.MemberInfo().setState(state).setIsAlive(true).setTimeStamp('0');
      member.setInstanceId(new sharedPb.UUID().setString(crypto.randomUUID()));
      member.setHttpEndPoint(new gossipPb.EndPoint().setAddress(HOST).setPort(port));
      info.addMembers(member);
    }
    return info;
  }

  #delete(hard: boolean) {
    return (
      call: ServerUnaryCall<streamsPb.DeleteReq | streamsPb.TombstoneReq, unknown>,
      answer: sendUnaryData<streamsPb.DeleteResp | streamsPb.TombstoneResp>,
    ): void => {
      const name = call.request.getOptions()?.getStreamIdentifier()?.getStreamName_asU8() ?? [];
      this.log.delete(Buffer.from(name).toString('utf8'), hard);
      answer(null, hard ? new streamsPb.TombstoneResp() : new streamsPb.DeleteResp());
    };
  }
}
