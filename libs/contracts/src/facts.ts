/** Every published fact type; importing this file fills the registry of `fact.ts`. */
import './facts/calls.ts';
import './facts/detection.ts';
import './facts/enrolment.ts';
import './facts/identity.ts';
import './facts/keys.ts';
import './facts/passports.ts';
import './facts/people.ts';
import './facts/reviews.ts';
import './facts/sign-in.ts';
import './facts/vault.ts';

export { factTypes } from './fact.ts';
