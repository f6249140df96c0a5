/**
 * Proofs that are generated from the contract, on one platform: what every answer carries (check 40), who may call what (37), whose ids exist (37), what a repeat
 * does (38), and what a read has seen (36). A new operation is covered by itself.
 */
import './contract/world.ts';
import './contract/headers.ts';
import './contract/permissions.ts';
import './contract/foreign-ids.ts';
import './contract/idempotency.ts';
import './contract/reads.ts';
