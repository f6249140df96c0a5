/**
 * `/sdk-bootstrap` (api.md §5.2): a process on somebody's machine asks to act as an agent; a signed-in person who sees what it is says yes or no. The answer
 * goes to the process's own listener on 127.0.0.1 and to nothing else.
 */
import type { ResponseOf } from '@sallyport/contracts/operation.ts';
import { approveEnrolment, denyEnrolment, enrolmentRequest } from '@sallyport/contracts/operations/enrolment.ts';
import { html, type Html } from './html.ts';
import { facts, hidden, type Page, time } from './layout.ts';
import { loopbackCallback, withAnswer } from './loopback-callback.ts';
import { refusalPage } from './refusals.ts';
import { askFor, sessionOf } from './session.ts';
import { shownText } from './shown-text.ts';
import type { Handler, PageAnswer, Visit } from './visit.ts';

const PATH = '/sdk-bootstrap';
const LONGEST_STATE = 512;
const LONGEST_LABEL = 80;

interface Asking {
  agent_id: string;
  callback: URL;
  state: string;
  machine: string;
  process: string;
}

export const showBootstrap: Handler = async (visit) => {
  const asking = readAsking(visit);
  if ('page' in asking) return asking;
  const back = pathOf(asking);
  const who = sessionOf(visit, back);
  if ('answer' in who) return who.answer;
  const found = await askFor(visit, who.session, enrolmentRequest, { agent_id: asking.agent_id }, back, unknownAgent(asking.agent_id));
  return 'answer' in found ? found.answer : { page: bootstrapPage(asking, found.value) };
};

export const answerBootstrap: Handler = async (visit) => {
  const asking = readAsking(visit);
  if ('page' in asking) return asking;
  const back = pathOf(asking);
  const who = sessionOf(visit, back);
  if ('answer' in who) return who.answer;
  const { agent_id, callback, state, machine, process } = asking;
  const body = { agent_id, machine, process };
  switch (visit.given('decision')) {
    case 'approve': {
      const made = await askFor(visit, who.session, approveEnrolment, body, back, unknownAgent(agent_id));
      return 'answer' in made ? made.answer : { leave: withAnswer(callback, { ticket: made.value.ticket, state }) };
    }
    case 'deny': {
      const denied = await askFor(visit, who.session, denyEnrolment, body, back, unknownAgent(agent_id));
      return 'answer' in denied ? denied.answer : { leave: withAnswer(callback, { error: 'denied', state }) };
    }
    default:
      return { page: INCOMPLETE };
  }
};

const INCOMPLETE = refusalPage(
  400,
  'This link is not complete',
  'Start again in the program that sent you here. Nothing was sent anywhere.',
);
const FOREIGN_CALLBACK = refusalPage(
  400,
  'This request wants its answer somewhere else',
  'An enrolment is answered to a program on this computer alone, at http://127.0.0.1. This request names another place, so nothing was sent.',
  'If you did not expect this, somebody may be trying to get at one of your agents. Close this page.',
);

function readAsking(visit: Visit): Asking | { page: Page } {
  const [agent_id, state] = [visit.given('agent_id'), visit.given('state')];
  const callback = loopbackCallback(visit.given('callback'));
  if (!callback) return { page: FOREIGN_CALLBACK };
  if (agent_id === null || agent_id.length > 64 || state === null || state.length > LONGEST_STATE) return { page: INCOMPLETE };
  const label = (name: string): string => shownText(visit.given(name) ?? '', LONGEST_LABEL);
  return { agent_id, callback, state, machine: label('machine'), process: label('process') };
}

function pathOf({ callback, ...rest }: Asking): `/${string}` {
  return `${PATH}?${new URLSearchParams({ ...rest, callback: callback.href }).toString()}`;
}

function unknownAgent(id: string): (refused: { code: string; metadata?: Record<string, unknown> }) => PageAnswer | null {
  return ({ code, metadata }) => {
    if (code === 'NOT_FOUND') {
      return { page: refusalPage(404, 'No such agent', `Your operator has no agent ${shownText(id, 64)}. Nothing was sent.`) };
    }
    return metadata?.['reason'] === 'agent_suspended'
      ? {
          page: refusalPage(
            403,
            'This agent is suspended',
            'A suspended agent gets no key. Set it active first, then start the program again.',
          ),
        }
      : null;
  };
}

export function bootstrapPage(asking: Asking, { agent, operator_name, email, live_passports }: ResponseOf<typeof enrolmentRequest>): Page {
  const { callback, machine, process, agent_id, state } = asking;
  const says = (text: string): Html | string => (text === '' ? html`<span class="soft">not said</span>` : text);
  return {
    title: `Give ${agent.name} a key?`,
    content: html`<h1>Let this program act as ${agent.name}?</h1>
<p>A program on a computer asks for a key of its own for this agent. Approve only if you have just started it yourself.</p>
${
  agent.key_thumbprint !== null &&
  html`<div class="notice"><p><strong>This agent already has a key.</strong> Approving replaces it: the old key stops working at once${
    live_passports > 0 && `, and ${live_passports === 1 ? 'its live passport is' : `its ${live_passports} live passports are`} revoked`
  }.</p></div>`
}
${facts([
  ['Agent', html`${agent.name}<small class="code">${agent.id}</small>`],
  ['Your account', html`${email}<small>${shownText(operator_name, 100)}</small>`],
  ['Computer', html`${says(machine)}<small>as the program says</small>`],
  ['Program', html`${says(process)}<small>as the program says</small>`],
  [
    'Key',
    agent.key_thumbprint === null
      ? 'None yet'
      : html`<span class="code">${agent.key_thumbprint.slice(0, 16)}…</span>${agent.enrolled_at !== null && html`<small>since ${time(agent.enrolled_at)}</small>`}`,
  ],
  ['Answer goes to', html`<span class="code">${callback.host}</span><small>a program on this computer</small>`],
])}
<form method="post" action="${PATH}">
${hidden({ agent_id, callback: callback.href, state, machine, process })}
<div class="actions">
<button name="decision" value="approve">Approve</button>
<button class="second" name="decision" value="deny">Deny</button>
</div>
</form>`,
  };
}
