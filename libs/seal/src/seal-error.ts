/** The one error of this library. It never carries a key, a plaintext or the ciphertext. */
export class SealError extends Error {
  /** `key`: the key is unusable; `context`: genuine, but sealed for another context; `unreadable`: anything else. */
  readonly kind: 'key' | 'context' | 'unreadable';

  constructor(kind: 'key' | 'context' | 'unreadable') {
    super(`sealed secret: ${kind}`);
    this.name = 'SealError';
    this.kind = kind;
  }
}
