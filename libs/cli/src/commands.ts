/** Every command, in the order in which help shows them. */
import type { Command } from './command.ts';
import { createOperatorCommand, listKeysCommand, loginLinkCommand, revokeKeyCommand, rotateKeysCommand } from './commands/admin-host.ts';
import { rebuild } from './commands/admin-rebuild.ts';
import { doctor } from './commands/doctor.ts';

export const COMMANDS: readonly Command[] = [
  doctor,
  createOperatorCommand,
  loginLinkCommand,
  listKeysCommand,
  rotateKeysCommand,
  revokeKeyCommand,
  rebuild,
];
