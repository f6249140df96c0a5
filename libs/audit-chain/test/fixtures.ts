import type { RowDraft } from '../src/row.ts';

/** What the fact behind the third row of the page's example says. */
export const CLOSED_CALL: RowDraft = {
  entry_id: 'aud_01kt16k478f4ha7pt1as7fhahr',
  trace_id: 'req_01kt16k19ge2zbdw95pa7835sy',
  span_id: '00f067aa0ba902b7',
  parent_span_id: null,
  operator_id: 'op_01kt16jkm0emq8k9w39qsaekf4',
  agent_id: 'agt_01kt16jnjge4ma4jz41b93y214',
  passport_jti: 'ppt_01kt16jphre60tak362xesvjfr',
  layer: 'vault',
  action: 'credential.proxy',
  outcome: 'success',
  duration_ms: 142,
  payload_hash: '90bfee5f5060bc072a3b7c18cf8a987f65339911b4ae879f77daf3e2af5d00e6',
  error_code: null,
  error_message: null,
  stream_seq: 57,
  w3c_trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
  recorded_at: '2026-06-01T09:00:17.000412Z',
  session_id: 'ses_01kt16jqh0e3pt0yekqqme4qcm',
  actor: { type: 'agent', id: 'agt_01kt16jnjge4ma4jz41b93y214' },
  service: 'github',
  connection_id: 'scon_01kt16jrg8edqrb018tr4sjm6r',
  http: { method: 'PATCH', host: 'api.github.com', path: '/repos/acme/sandbox/issues/7', status: 200 },
  approval_id: 'int_01kt16jterefct6h2vpcbkhxys',
  attempt_entry_id: 'aud_01kt16k3qme67tv4ss1263hys9',
  metadata: {},
};

/** The head before it: the attempt row. */
export const ATTEMPT_HEAD = {
  seq: 2,
  timestamp: 1780304416858,
  entry_hash: 'f72c76460dd1e94070239874fe0584052b5c3a2188897b66f48cca44a38cc471',
};
