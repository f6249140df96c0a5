/** What the page `/me` asks for the person whose session it has. No HTTP of its own. */
import { Type } from 'typebox';
import { operation } from '../operation.ts';
import { ROLES } from '../principal.ts';
import { oneOf } from '../schema.ts';

export const viewAccount = operation({
  name: 'account.view',
  owner: 'passports',
  summary: 'The signed-in person and the operator. Session alone',
  who: ['R'],
  asked_by: ['gateway'],
  response: Type.Object({ name: Type.String(), email: Type.String(), role: oneOf(ROLES), operator_name: Type.String() }),
  errors: ['UNAUTHORIZED', 'FORBIDDEN', 'INTERNAL_ERROR'],
});
