import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
} from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { SealSigner } from '../ports/sign-seal.ts';
import { codeOf, syncFolder, writeDurably } from './files.ts';

const READABLE_BY_OTHERS = 0o077;
const KEY_ID_DIGITS = 16;

/** The first digits of SHA-256 over the public key as it stands in a PEM file: tells keys apart, and hides nothing. */
export const keyIdOf = (key: KeyObject): string =>
  hash('sha256', key.export({ type: 'spki', format: 'der' })).slice(0, KEY_ID_DIGITS);

/** The operator's Ed25519 key from a PEM file (PKCS #8) that nobody else can read. Left is the complaint. */
export const loadSealKey = (path: string): Either<string, SealSigner> => {
  try {
    const file = openSync(path, 'r');
    try {
      if (process.platform !== 'win32' && (fstatSync(file).mode & READABLE_BY_OTHERS) !== 0) {
        return left(`${path} can be read by others: chmod 600 it, and replace it if others may have read it`);
      }
      return signerOf(path, readFileSync(file, 'utf8'));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return left(`${path} cannot be read: ${codeOf(error)}`);
  }
};

const signerOf = (path: string, pem: string): Either<string, SealSigner> => {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    return left(`${path} holds no private key in PEM without a passphrase`);
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    return left(`${path} holds a key of type ${key.asymmetricKeyType}, and seals are signed with Ed25519`);
  }
  return right({
    keyId: keyIdOf(createPublicKey(key)),
    sign: (statement) => sign(null, Buffer.from(statement), key).toString('base64'),
  });
};

/** Makes a key pair: the private one in `path`, for its owner only, the public one in `path`.pub. Never replaces a file. */
export const createSealKey = (
  path: string,
): Either<string, { readonly keyId: string; readonly publicPath: string }> => {
  const publicPath = `${path}.pub`;
  try {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    writeDurably(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'wx');
    writeDurably(publicPath, publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'wx');
    syncFolder(dirname(path));
    return right({ keyId: keyIdOf(publicKey), publicPath });
  } catch (error) {
    return left(
      codeOf(error) === 'EEXIST'
        ? `${path} or ${publicPath} is there already, and was not touched`
        : `${path} cannot be written: ${codeOf(error)}`,
    );
  }
};
