/** The store did not take what had to be written. Nothing is lost: the same work is done again from the log. */
export class NotStored extends Error {
  constructor(what: string, tag: string) {
    super(`${what} could not be stored: ${tag}`);
    this.name = 'NotStored';
  }
}
