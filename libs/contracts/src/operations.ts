/** Every operation of the platform; importing this file fills the registry of `operation.ts`. */
import './operations/account.ts';
import './operations/agents.ts';
import './operations/audit.ts';
import './operations/call-log.ts';
import './operations/enrolment.ts';
import './operations/keys.ts';
import './operations/missions.ts';
import './operations/oauth.ts';
import './operations/operator.ts';
import './operations/passports.ts';
import './operations/proxy.ts';
import './operations/reviews.ts';
import './operations/security-events.ts';
import './operations/services.ts';
import './operations/team.ts';
import './operations/sign-in.ts';

export { operations } from './operation.ts';
