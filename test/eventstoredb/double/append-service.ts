import {
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerReadableStream,
  status,
} from '@grpc/grpc-js';
import anyPb from 'google-protobuf/google/protobuf/any_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import statusPb from '@eventstore/db-client/generated/status_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { failure } from './failure.ts';
import type { AppendFault, Faults } from './faults.ts';
import { type DoubleLog, type Expected, type Judged, type ProposedEvent } from './log.ts';

type BatchCall = ServerDuplexStream<streamsPb.BatchAppendReq, streamsPb.BatchAppendResp>;

interface Gathering {
  readonly options: streamsPb.BatchAppendReq.Options;
  readonly events: ProposedEvent[];
}

/** An append as the tests see it. */
export interface SeenAppend {
  readonly stream: string;
  readonly expected: Expected;
  readonly ids: ReadonlyArray<string>;
  /** Point in time up to which the client lets the server try. */
  readonly deadlineMs: number | undefined;
}

export class AppendService {
  readonly #log: DoubleLog;
  readonly #faults: Faults;
  readonly #cutAll: () => void;
  readonly seen: SeenAppend[] = [];
  /** Streams with an append that is not indexed yet. */
  readonly #notIndexed = new Set<string>();
  /** The most appends that were unanswered at once. */
  inFlightMost = 0;
  #inFlight = 0;

  constructor(log: DoubleLog, faults: Faults, cutAll: () => void) {
    this.#log = log;
    this.#faults = faults;
    this.#cutAll = cutAll;
  }

  batch(call: BatchCall): void {
    const gathering = new Map<string, Gathering>();
    call.on('data', (request: streamsPb.BatchAppendReq) => {
      const correlation = request.getCorrelationId()?.getString() ?? '';
      const options = request.getOptions();
      const gathered = gathering.get(correlation) ?? (options && { options, events: [] });
      if (gathered === undefined) return void call.destroy(new Error('events before their options'));
      gathering.set(correlation, gathered);
      gathered.events.push(...request.getProposedMessagesList().map(proposed));
      if (!request.getIsFinal()) return;
      gathering.delete(correlation);
      this.#inFlight += 1;
      this.inFlightMost = Math.max(this.inFlightMost, this.#inFlight);
      void this.#answerBatch(call, correlation, gathered).finally(() => (this.#inFlight -= 1));
    });
    call.on('end', () => call.end());
    call.on('error', () => undefined);
  }

  async #answerBatch(call: BatchCall, correlation: string, { options, events }: Gathering): Promise<void> {
    const stream = nameOf(options.getStreamIdentifier());
    const expected = expectedOf(options);
    const deadlineMs = options.getDeadline()?.toDate().getTime();
    const fault = this.#faults.everyAppend ?? this.#faults.appends.shift();
    this.seen.push({ stream, expected, ids: events.map(({ id }) => id), deadlineMs });
    const answer = (response: streamsPb.BatchAppendResp): void => {
      const id = new sharedPb.UUID();
      id.setString(correlation);
      response.setCorrelationId(id);
      const identifier = options.getStreamIdentifier();
      if (identifier !== undefined) response.setStreamIdentifier(identifier);
      if (call.writable && !call.cancelled) call.write(response);
    };
    // A clock that is too far behind: the server's time for it is over before it begins.
    if (deadlineMs !== undefined && deadlineMs < Date.now())
      return answer(refusal(status.DEADLINE_EXCEEDED, 'Timeout', 'Timeout'));
    if (fault !== undefined && !fault.endsWith('_stored') && fault !== 'late')
      return this.#fail(fault, call, answer);
    if (this.#notIndexed.has(stream) && this.#isTwin(stream, expected, events)) {
      const before = typeof expected === 'number' ? expected : -1;
      if (!this.#log.recalls(stream, before, events)) {
        const stored = this.#log.stream(stream);
        const current = Array.isArray(stored) ? stored.length - 1 : -1;
        return answer(answerTo({ kind: 'wrong_version', current }, expected));
      }
      await after(this.#faults.timeoutMs);
      return answer(refusal(status.DEADLINE_EXCEEDED, 'Timeout', 'Timeout'));
    }
    const judged = this.#log.append(stream, expected, events);
    if (fault !== undefined && fault !== 'late') return this.#fail(fault, call, answer);
    if (judged.kind === 'stored' && this.#faults.indexDelayMs > 0) {
      this.#notIndexed.add(stream);
      await after(this.#faults.indexDelayMs);
      this.#notIndexed.delete(stream);
    }
    if (fault === 'late') await after(this.#faults.lateMs);
    answer(answerTo(judged, expected));
  }

  #isTwin(stream: string, expected: Expected, events: ReadonlyArray<ProposedEvent>): boolean {
    const from = expected === 'no_stream' ? 0 : Number(expected) + 1;
    const stored = this.#log.stream(stream);
    return (
      Array.isArray(stored) &&
      events.every(({ id }, index) => (stored[from + index] as ProposedEvent | undefined)?.id === id)
    );
  }

  #fail(fault: AppendFault, call: BatchCall, answer: (response: streamsPb.BatchAppendResp) => void): void {
    switch (fault) {
      case 'silent':
      case 'silent_stored':
      case 'late':
        return;
      case 'cut':
      case 'cut_stored':
        return this.#cutAll();
      case 'end_call':
      case 'end_call_stored':
        return void call.end();
      case 'reset':
      case 'reset_stored':
        return void call.emit('error', failure(status.INTERNAL, 'Received RST_STREAM with code 0'));
      case 'busy':
        return answer(refusal(status.UNAVAILABLE, 'Server Is Busy'));
      case 'not_ready':
        return answer(refusal(status.UNAVAILABLE, 'Server Is Not Ready'));
      case 'timeout':
      case 'timeout_stored':
        return answer(refusal(status.DEADLINE_EXCEEDED, 'Timeout', 'Timeout'));
      case 'access_denied':
        return answer(refusal(status.PERMISSION_DENIED, 'Access Denied', 'AccessDenied'));
    }
  }

  /** The path of one call per append: only this one tells a client that the node is not the leader. */
  classic(
    call: ServerReadableStream<streamsPb.AppendReq, streamsPb.AppendResp>,
    answer: sendUnaryData<streamsPb.AppendResp>,
  ): void {
    let options: streamsPb.AppendReq.Options | undefined;
    const events: ProposedEvent[] = [];
    call.on('data', (request: streamsPb.AppendReq) => {
      options ??= request.getOptions();
      const message = request.getProposedMessage();
      if (message !== undefined) events.push(proposed(message));
    });
    call.on('end', () => {
      if (options === undefined) return answer(failure(status.INVALID_ARGUMENT, 'no options'));
      if (this.#faults.leader !== undefined) return answer(notLeader(this.#faults.leader));
      const expected: Expected = options.hasRevision()
        ? Number(options.getRevision())
        : options.hasNoStream()
          ? 'no_stream'
          : options.hasAny()
            ? 'any'
            : 'stream_exists';
      const judged = this.#log.append(nameOf(options.getStreamIdentifier()), expected, events);
      const response = new streamsPb.AppendResp();
      if (judged.kind === 'wrong_version') {
        const wrong = new streamsPb.AppendResp.WrongExpectedVersion();
        if (judged.current < 0) wrong.setCurrentNoStream(new sharedPb.Empty());
        else wrong.setCurrentRevision(String(judged.current));
        response.setWrongExpectedVersion(wrong);
      } else if ('position' in judged) {
        const success = new streamsPb.AppendResp.Success();
        success.setCurrentRevision(String(judged.revision));
        const position = new streamsPb.AppendResp.Position();
        position.setCommitPosition(String(judged.position)).setPreparePosition(String(judged.position));
        success.setPosition(position);
        response.setSuccess(success);
      } else return answer(failure(status.FAILED_PRECONDITION, judged.kind));
      answer(null, response);
    });
  }
}

export const notLeader = ({ address, port }: { readonly address: string; readonly port: number }) =>
  failure(status.NOT_FOUND, 'Leader info available', {
    exception: 'not-leader',
    'leader-endpoint-host': address,
    'leader-endpoint-port': String(port),
  });

export const after = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs));

export const nameOf = (identifier: sharedPb.StreamIdentifier | undefined): string =>
  Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');

const expectedOf = (options: streamsPb.BatchAppendReq.Options): Expected => {
  if (options.hasStreamPosition()) return Number(options.getStreamPosition());
  if (options.hasNoStream()) return 'no_stream';
  return options.hasAny() ? 'any' : 'stream_exists';
};

const proposed = (
  message: streamsPb.BatchAppendReq.ProposedMessage | streamsPb.AppendReq.ProposedMessage,
): ProposedEvent => ({
  id: message.getId()?.getString() ?? '',
  type: message.getMetadataMap().get('type') ?? '',
  isJson: message.getMetadataMap().get('content-type') === 'application/json',
  data: message.getData_asU8(),
  metadata: message.getCustomMetadata_asU8(),
});

const refusal = (
  code: number,
  message: string,
  details?: 'Timeout' | 'AccessDenied',
): streamsPb.BatchAppendResp => {
  const packed =
    details === undefined ? packEmpty('google.protobuf.Empty') : packEmpty(`event_store.client.${details}`);
  return errorResponse(code, message, packed);
};

const packEmpty = (typeName: string): anyPb.Any => pack(new emptyPb.Empty().serializeBinary(), typeName);

const pack = (bytes: Uint8Array, typeName: string): anyPb.Any => {
  const any = new anyPb.Any();
  any.pack(bytes, typeName);
  return any;
};

const errorResponse = (code: number, message: string, details: anyPb.Any): streamsPb.BatchAppendResp => {
  const error = new statusPb.Status();
  error.setCode(code);
  error.setMessage(message);
  error.setDetails(details);
  return new streamsPb.BatchAppendResp().setError(error);
};

const answerTo = (judged: Judged, expected: Expected): streamsPb.BatchAppendResp => {
  switch (judged.kind) {
    case 'stored':
    case 'idempotent': {
      const success = new streamsPb.BatchAppendResp.Success();
      success.setCurrentRevision(String(judged.revision));
      const position = new sharedPb.AllStreamPosition();
      position.setCommitPosition(String(judged.position)).setPreparePosition(String(judged.position));
      success.setPosition(position);
      return new streamsPb.BatchAppendResp().setSuccess(success);
    }
    case 'wrong_version': {
      const wrong = new sharedPb.WrongExpectedVersion();
      if (judged.current < 0) wrong.setCurrentNoStream(new emptyPb.Empty());
      else wrong.setCurrentStreamRevision(String(judged.current));
      if (expected === 'no_stream') wrong.setExpectedNoStream(new emptyPb.Empty());
      else if (typeof expected === 'number') wrong.setExpectedStreamPosition(String(expected));
      const details = pack(wrong.serializeBinary(), 'event_store.client.WrongExpectedVersion');
      return errorResponse(status.ALREADY_EXISTS, 'WrongExpectedVersion', details);
    }
    case 'deleted': {
      const details = pack(
        new sharedPb.StreamDeleted().serializeBinary(),
        'event_store.client.StreamDeleted',
      );
      return errorResponse(status.FAILED_PRECONDITION, 'StreamDeleted', details);
    }
    case 'too_large': {
      const exceeded = new sharedPb.MaximumAppendSizeExceeded().setMaxappendsize(judged.maxAppendSize);
      const details = pack(exceeded.serializeBinary(), 'event_store.client.MaximumAppendSizeExceeded');
      return errorResponse(status.INVALID_ARGUMENT, 'MaximumAppendSizeExceeded', details);
    }
  }
};
