/** Plays GitHub on this machine and connects it under `github`. Prints what reaches it, until it is ended. */
import { connectGithub } from '../../support/agent.ts';
import { apiOf } from '../../support/api.ts';
import { startUpstream } from '../../support/upstream.ts';

const upstream = await startUpstream();
const connection = await connectGithub(apiOf(process.env['STACK_BASE_URL'] ?? '', process.env['STACK_API_KEY'] ?? ''), upstream.url);
console.log(`GitHub is played at ${upstream.url} and connected as ${connection.id}`);
let told = 0;
setInterval(() => {
  for (const one of upstream.seen.slice(told))
    console.log(`upstream saw: ${one.method} ${one.path} authorization: ${one.headers.authorization}`);
  told = upstream.seen.length;
}, 200);
