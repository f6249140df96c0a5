/** What `sallyport doctor` looks at, and the remedy of each thing that can be wrong. Asks over loopback or the platform's own address; keeps nothing. */
import type { HostPlatform } from './platform.ts';

export interface Finding {
  ok: boolean;
  what: string;
  /** Empty when all is well. */
  remedy: string;
  /** Nothing answered at all. */
  unreachable?: true;
}

type Instance = HostPlatform['instances'][number];

/** The body of `/readyz`, as far as it is used here; written by `service-kit/health.ts`. */
interface Ready {
  status: string;
  checks: Record<string, string>;
  version: string;
  details?: { stopped_chains?: Stopped[]; stopped_calls?: Stopped[] };
}

/** Written by `projections/apply.ts`. */
interface Stopped {
  partition: number;
  seq: number;
  subject: string;
  operator_id: string | null;
  fact_types: string[];
  error: string;
}

const NODE_MAJOR = 26;
const VERSION = '1.0.0';
const ASK_MS = 3_000;

const well = (what: string): Finding => ({ ok: true, what, remedy: '' });

export function versionFindings(node: string): Finding[] {
  const recent = Number(node.split('.')[0]) >= NODE_MAJOR;
  return [
    recent
      ? well(`Node ${node}`)
      : { ok: false, what: `Node ${node}: ${NODE_MAJOR} is needed`, remedy: 'run npm ci in the checkout: it brings its own Node' },
  ];
}

export async function gatewayFindings(url: string): Promise<Finding> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ASK_MS) });
    const ready = (await answer.json()) as Partial<Ready>;
    if (answer.status === 200) return well(`${url} is ready`);
    const remedy = 'calls are refused until this is well again; what fails below, or the log of the gateway, names the cause';
    return { ok: false, what: `${url} is not ready: ${failing(ready)}`, remedy };
  } catch (error) {
    const remedy =
      'start the platform (npm start, or docker compose up --detach); when it runs, compare the address and what lies between here and there';
    return { ok: false, what: `${url} does not answer: ${reason(error)}`, remedy, unreachable: true };
  }
}

export async function serviceFindings(instance: Instance): Promise<{ instance: Instance; ready: Ready | null; finding: Finding }> {
  const log = `the log of ${instance.name} (logs/${instance.name}.log in the data folder, or docker compose logs ${instance.service})`;
  try {
    const answer = await fetch(`${instance.internal_url}/readyz`, { signal: AbortSignal.timeout(ASK_MS) });
    const ready = (await answer.json()) as Ready;
    const finding =
      ready.version !== VERSION
        ? {
            ok: false,
            what: `${instance.name} is version ${ready.version}, this is ${VERSION}`,
            remedy: `restart ${instance.name} from this checkout`,
          }
        : answer.status === 200
          ? well(`${instance.name} is ready`)
          : {
              ok: false,
              what: `${instance.name} is not ready: ${failing(ready)}`,
              remedy: `wait a minute; if it stays so, ${log} names the cause`,
            };
    return { instance, ready, finding };
  } catch (error) {
    const remedy = `it is restarted by itself when it ends; if it stays away, ${log} says why`;
    return {
      instance,
      ready: null,
      finding: { ok: false, what: `${instance.name} does not answer: ${reason(error)}`, remedy, unreachable: true },
    };
  }
}

/** One finding per partition whose chain, or whose table of calls, stands still. */
export function stoppedFindings({ name }: Instance, ready: Ready | null): Finding[] {
  const { stopped_chains = [], stopped_calls = [] } = ready?.details ?? {};
  return [
    ...stopped_chains.map((stopped) => stoppedFinding('the audit chain', name, stopped)),
    ...stopped_calls.map((stopped) => stoppedFinding('what audit knows of calls', name, stopped)),
  ];
}

function stoppedFinding(model: string, instance: string, { partition, seq, subject, operator_id, fact_types, error }: Stopped): Finding {
  const fact = fact_types.join(', ') || 'not readable';
  return {
    ok: false,
    what: `${model} of partition ${partition} stands still at message ${seq} of the ledger (subject ${subject}, operator ${operator_id ?? 'not known'}, fact ${fact}): ${error}`,
    remedy: [
      `nothing is lost: the ledger holds message ${seq} and all after it, and other partitions go on.`,
      `Install a version of Sallyport that can handle it (a newer one, when the fact is of a newer version) and restart ${instance}:`,
      'it tries the same message again and goes on from there, so that nothing is left out.',
      'Then run sallyport doctor again. There is no way to pass over the message, on purpose.',
    ].join(' '),
  };
}

function failing(ready: Partial<Ready>): string {
  const bad = Object.entries(ready.checks ?? {}).filter(([, outcome]) => outcome !== 'ok');
  return bad.map(([name, outcome]) => `${name}: ${outcome}`).join(', ') || 'it does not say why';
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
