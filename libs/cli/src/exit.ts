/** Exit codes (api.md §22), and the one exception by which a command ends with another than 0. */

export const EXIT = {
  done: 0,
  failure: 1,
  usage: 2,
  not_signed_in: 3,
  refused: 4,
  not_found: 5,
  conflict: 6,
  unreachable: 7,
  unverified: 8,
  interrupted: 130,
} as const;

/** `message` is for the person who typed the command: what is wrong and what to do. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly exit: number;

  constructor(exit: number, message: string) {
    super(message);
    this.exit = exit;
  }
}
