import { type Either, left, right } from 'fp-ts/lib/Either.js';

/**
 * A client account of the Moshtix dialect. It has a stream of its own, so that a client id can belong to one company
 * only, whoever asks at the same time: the second claim finds the stream taken.
 */

export interface ClientClaimed {
  readonly type: 'ClientClaimed';
  readonly clientId: number;
  readonly companyId: string;
  readonly atMs: number;
}

export type ClientEvent = ClientClaimed;

export type ClientState =
  { readonly situation: 'free' } | { readonly situation: 'claimed'; readonly companyId: string };

export const initialClient: ClientState = { situation: 'free' };

export const evolveClient = (_state: ClientState, event: ClientEvent): ClientState => ({
  situation: 'claimed',
  companyId: event.companyId,
});

export interface ClaimClient {
  readonly type: 'ClaimClient';
  readonly clientId: number;
  readonly companyId: string;
  readonly atMs: number;
}

export type ClientRejection = { readonly _tag: 'ClientOfAnotherCompany'; readonly clientId: number };

export const decideClient = (
  state: ClientState,
  { clientId, companyId, atMs }: ClaimClient,
): Either<ClientRejection, ReadonlyArray<ClientEvent>> => {
  if (state.situation === 'free') return right([{ type: 'ClientClaimed', clientId, companyId, atMs }]);
  return state.companyId === companyId ? right([]) : left({ _tag: 'ClientOfAnotherCompany', clientId });
};
