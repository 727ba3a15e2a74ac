import { Metadata, type ServiceError, type status } from '@grpc/grpc-js';

/** A gRPC failure with trailers, as the server would send it. */
export const failure = (
  code: status,
  details: string,
  trailers: Readonly<Record<string, string>> = {},
): ServiceError => {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
  return Object.assign(new Error(details), { code, details, metadata });
};
