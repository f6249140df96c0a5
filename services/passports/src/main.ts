/** The process: configuration, what it needs, start, close. The only file that touches the process. */
import { createLedger } from '@sallyport/bus/ledger.ts';
import { serve } from '@sallyport/bus/rpc.ts';
import { PLATFORM, uniqueSubject } from '@sallyport/bus/subjects.ts';
import { createTimers } from '@sallyport/bus/timers.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { KEYSET_PURPOSES } from '@sallyport/contracts/facts/keys.ts';
import { isOutage } from '@sallyport/projections/outage.ts';
import { createProjection } from '@sallyport/projections/projection.ts';
import { createAuthenticator } from '@sallyport/service-kit/authenticate.ts';
import { serveInternal } from '@sallyport/service-kit/health.ts';
import { createSecretFields } from '@sallyport/service-kit/secret-fields.ts';
import { openDatabase } from '@sallyport/projections/open-database.ts';
import { readConfig } from '@sallyport/service-kit/config.ts';
import { startProcess } from '@sallyport/service-kit/process.ts';
import { openApiKeys } from './api-keys.ts';
import { bootstrapToken } from './bootstrap-token.ts';
import { passportsConfig } from './config.ts';
import { ARMED_KINDS, armTimers } from './consumers/arm-timers.ts';
import { CASCADE_KINDS, cascade } from './consumers/cascade.ts';
import { createConsumer } from './consumers/consumer.ts';
import { missionDue, passportDue } from './consumers/deadlines.ts';
import { REVIEWED_KINDS, reviewDue, reviewRuns } from './consumers/reviews.ts';
import { followKeys, KEYSET_KINDS, keysDue } from './consumers/keys.ts';
import { actOnSignals, SIGNAL_KINDS } from './consumers/signals.ts';
import type { Deps } from './deps.ts';
import { resolveAgent, resolvePrincipal } from './identify.ts';
import { BOOTSTRAP } from './making-operator.ts';
import { allOperations } from './operations/all.ts';
import { REMOVAL_KINDS, revokeOnRemoval } from './issued-by-member.ts';
import { MEMBERS } from './projections/members.ts';
import { openOutputs } from './outputs.ts';
import { MODEL } from './projections/model.ts';
import { STEPS, type Tables } from './projections/tables.ts';
import { USAGE } from './projections/usage.ts';
import { openSealing } from './sealing.ts';
import { mailerOf } from './sign-in/mail.ts';
import { openSignIn } from './sign-in/open.ts';
import { resolveToken } from './sign-in/resolve-token.ts';
import { resolveTicket } from './ticketing.ts';
import { createSignals } from './signals.ts';
import { createSigner } from './signing.ts';
import { openSigningKeyStore } from './signing-key-store.ts';

const SERVICE = 'passports';
/** Outputs past their time; what is read is judged each time. */
const SWEEP_MS = 3_600_000;

const config = readConfig(passportsConfig);
const service = await startProcess(SERVICE, config);
const { instance, log, metrics, shutdown, bus, clock } = service;
const ledger = createLedger(bus, { clock });

const database = await openDatabase<Tables>(service, config, SERVICE, STEPS);

const secrets = config.SALLYPORT_SECRETS_DIR;
const [store, keys, sealing] = await Promise.all([openSigningKeyStore(secrets, database), openApiKeys(secrets), openSealing(secrets)]);
const signer = createSigner({ ledger, store }, 'passport', 'passport+jwt');
const mail = mailerOf(config);
if (mail) shutdown.add('mail', async () => mail.close());
const signIn = await openSignIn({ ledger, store }, secrets, config.PUBLIC_URL, mail);
// Whoever verifies needs a key to be there before the first passport is.
await signer.active();
const bootstrap = bootstrapToken(secrets);
if ((await ledger.lastSeq(uniqueSubject(PLATFORM, BOOTSTRAP))) > 0) await bootstrap.remove();
else {
  await bootstrap.offer();
  log.info({ path: bootstrap.path }, 'there is no operator yet: the bootstrap token is in this file');
}

const projected = { database, bus, holder: instance, log, metrics };
const model = createProjection<Tables>({ ...projected, ...MODEL });
shutdown.add('model', () => model.stop());
const members = createProjection<Tables>({ ...projected, ...MEMBERS });
shutdown.add('members', () => members.stop());
const usage = createProjection<Tables>({ ...projected, ...USAGE });
shutdown.add('usage', () => usage.stop());

const outputs = await openOutputs({ database, ledger, clock, log }, secrets);
const sweeping = setInterval(() => void outputs.sweep(), SWEEP_MS);
shutdown.add('sweeping', () => clearInterval(sweeping));

const deps: Deps = {
  bus,
  ledger,
  clock,
  timers: createTimers(bus),
  database,
  model,
  members,
  usage,
  signer,
  store,
  keys,
  signIn,
  bootstrap,
  outputs,
  issuer: config.PASSPORT_ISSUER ?? config.PUBLIC_URL,
  public_url: config.PUBLIC_URL,
  signals: createSignals(log, metrics),
  log,
};

const consuming = { database, bus, log, instance, metrics };
const consumers = [
  createConsumer(consuming, { name: 'timers', kinds: ARMED_KINDS, handle: armTimers(deps) }),
  createConsumer(consuming, { name: 'cascade', kinds: CASCADE_KINDS, handle: cascade(deps) }),
  createConsumer(consuming, { name: 'signals', kinds: SIGNAL_KINDS, handle: actOnSignals(deps) }),
  createConsumer(consuming, { name: 'reviews', kinds: REVIEWED_KINDS, handle: reviewRuns(deps) }),
  createConsumer(consuming, { name: 'keys', kinds: KEYSET_KINDS, handle: followKeys(deps) }),
  createConsumer(consuming, { name: 'removals', kinds: REMOVAL_KINDS, handle: revokeOnRemoval(deps) }),
];
for (const consumer of consumers) shutdown.add('consumer', () => consumer.stop());
const deadlines = [
  deps.timers.onDue('passport', (jti, payload) => passportDue(deps, jti, payload)),
  deps.timers.onDue('mission', (id, payload) => missionDue(deps, id, payload)),
  deps.timers.onDue('review', (jti, payload) => reviewDue(deps, jti, payload)),
  deps.timers.onDue('key', (purpose) => keysDue(deps, purpose)),
];
for (const deadline of deadlines) shutdown.add('deadlines', () => deadline.stop());
for (const purpose of KEYSET_PURPOSES)
  void keysDue(deps, purpose).catch((error: unknown) => log.warn(errorFields(error), 'the rotation of keys was not looked at'));

const authenticate = createAuthenticator({
  resolvePrincipal: (sha256) => resolvePrincipal(deps, sha256, 0),
  resolveToken: (token) => resolveToken(deps, token, 0),
  resolveAgent: (agentId) => resolveAgent(deps, agentId, 0),
  resolveTicket: (sha256) => resolveTicket(deps, sha256),
  now: () => clock.now(),
});
const fields = await createSecretFields(secrets);
const serving = serve(
  bus,
  SERVICE,
  allOperations(deps, { authenticate, log, metrics, sealing, secrets: fields, reading: { now: clock.now, streamLast: ledger.streamLast } }),
  { log, isOutage },
);
shutdown.add('operations', () => serving.stop());

metrics.gauge('clock_skew_seconds', "This machine's clock less the ledger's", () => clock.skew_ms() / 1000);
const projections = [model, members, usage, ...consumers];
const internal = await serveInternal({
  port: config.SALLYPORT_INTERNAL_PORT,
  host: config.SALLYPORT_INTERNAL_HOST,
  metrics,
  checks: {
    ledger: async () => ((await ledger.streamLast()) >= 0 ? 'ok' : 'unknown'),
    database: database.check,
    projections: () => projections.map((one) => one.check()).find((state) => state !== 'ok') ?? 'ok',
  },
});
shutdown.add('internal', () => internal.close());
log.info({ port: internal.port }, 'ready');
