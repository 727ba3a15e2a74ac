/**
 * The client leaves rejections that nobody can catch when its connection breaks under load, and throws out of a listener
 * when an answer comes for an append that it has given up (both are of its version 6.2.1, and both end a process). These
 * and no others are taken here and told to whoever listens; everything else goes on to end the process as it would have.
 */
const listeners = new Set<(error: Error) => void>();

/** Where in the client's code such an error comes from. */
const CLIENT_CODE = /[\\/]@eventstore[\\/]db-client[\\/]/;
const isGrpcStatus = (error: Error): boolean =>
  typeof (error as { readonly code?: unknown }).code === 'number' &&
  'details' in error &&
  'metadata' in error;

/** Whether the error is one that the client has let go of: a gRPC status, or thrown in its own files. */
export const isStray = (error: unknown): error is Error =>
  error instanceof Error &&
  (isGrpcStatus(error) ||
    isGrpcStatus((error as { readonly _raw?: Error })._raw ?? error) ||
    (error instanceof TypeError && CLIENT_CODE.test(error.stack?.split('\n')[1] ?? '')));

const tell = (error: Error): void => {
  for (const listener of listeners) listener(error);
};

const onRejection = (reason: unknown): void => {
  if (isStray(reason)) return tell(reason);
  // Node's own way with a rejection that nobody handles: it is thrown.
  throw reason;
};

const onException = (error: unknown): void => {
  if (isStray(error)) return tell(error);
  // Whoever else listens decides, as without us; alone we must not keep a broken process alive.
  if (process.listenerCount('uncaughtException') === 1) throw error;
};

/** Returns the function that ends it. */
export const guardStrays = (listener: (error: Error) => void): (() => void) => {
  if (listeners.size === 0) {
    process.on('unhandledRejection', onRejection);
    process.on('uncaughtException', onException);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onException);
  };
};
