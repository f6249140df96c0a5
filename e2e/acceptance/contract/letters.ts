/**
 * Who may call what, written down from the specification once more (api.md §3.2 and each "Who:"): were it read from the contract, a wrong letter there would expect
 * itself. A new operation gets its line here.
 */
import type { Letter } from '@sallyport/contracts/principal.ts';

const KEY = 'operator key';
const member = (role: string, ...kinds: string[]): string[] => kinds.map((kind) => `${role} ${kind}`);
const ANY = ['member key', 'session', 'access token'];

const W = [KEY, ...member('owner', 'session', 'access token')];
const O = [...W, ...member('admin', 'session', 'access token')];
const A = [...O, ...member('admin', 'member key'), ...member('owner', 'member key')];
const S = [...A, ...member('standard', ...ANY)];
const R = [...S, ...member('readonly', ...ANY)];
/** The callers of the proof by name; H and nobody's letter are not among its operations. */
const HOLDERS: Partial<Record<Letter, readonly string[]>> = { W, O, A, S, R, G: ['agent JWT'] };

const LETTERS: Record<string, Letter[]> = {
  'agents.register': ['S'],
  'agents.list': ['R'],
  'agents.get': ['R', 'G'],
  'agents.update': ['S'],
  'agents.delete': ['S'],
  'agents.unblock': ['S'],
  'agents.enrolment_challenge': ['S'],
  'agents.enrol': ['S'],
  'agents.permissions': ['R', 'G'],
  'services.grant': ['S'],
  'services.revoke_access': ['S'],
  'grants.put': ['S'],
  'grants.remove': ['S'],
  'grants.remove_all': ['S'],
  'audit.list': ['R'],
  'audit.export': ['R'],
  'audit.verify_chain': ['R'],
  'audit.chain_head': ['R'],
  'missions.open': ['S', 'G'],
  'missions.start': ['S', 'G'],
  'missions.renew': ['S', 'G'],
  'missions.complete': ['S', 'G'],
  'missions.revoke': ['S', 'G'],
  'missions.list': ['R', 'G'],
  'missions.get': ['R', 'G'],
  'missions.replay': ['R', 'G'],
  'missions.operator_reviews': ['R', 'G'],
  'missions.download_operator_review': ['R', 'G'],
  'operator.get': ['R'],
  'operator.update': ['A'],
  'operator.rotate_key': ['W'],
  'operator.freeze': ['A'],
  'operator.unfreeze': ['A'],
  'passports.issue': ['S', 'G'],
  'passports.delegate': ['S', 'G'],
  'passports.refresh': ['S', 'G'],
  'passports.active': ['R', 'G'],
  'passports.get': ['R', 'G'],
  'passports.checkpoint': ['S', 'G'],
  'passports.checkout': ['S', 'G'],
  'passports.report': ['R', 'G'],
  'passports.revoke': ['S', 'G'],
  'passports.revoke_agent': ['S'],
  'passports.revoke_session': ['S'],
  'passports.revoke_all': ['A'],
  'reviews.list': ['R'],
  'reviews.get': ['R'],
  'reviews.decide': ['A'],
  'security_events.list': ['O'],
  'security_events.get': ['O'],
  'security_events.acknowledge': ['O'],
  'security_events.resolve': ['O'],
  'security_events.resolve_many': ['O'],
  'services.list': ['R', 'G'],
  'services.connected': ['R', 'G'],
  'services.templates': ['R', 'G'],
  'services.connect': ['S'],
  'services.get_connection': ['R', 'G'],
  'services.update': ['S'],
  'services.replace_credential': ['S'],
  'services.disconnect': ['S'],
  'team.invite': ['A'],
  'team.list': ['R'],
  'team.update': ['A'],
  'team.rotate_key': ['R'],
  'team.remove': ['A'],
  'auth.logout': ['R'],
  'auth.me': ['R', 'G'],
};

/** Does the caller of this name have one of the operation's letters? */
export function opens(operation: string, caller: string): boolean {
  const letters = LETTERS[operation];
  if (!letters) throw new Error(`${operation}: say here who may call it`);
  return letters.some((letter) => HOLDERS[letter]?.includes(caller));
}
