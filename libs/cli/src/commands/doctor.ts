/**
 * `sallyport doctor`: looks at every part of the platform on this host and says of each whether it is well, and if not, what to do. Changes nothing.
 * Ends with 0 when all is well, 7 when something cannot be reached, else 1.
 */
import type { Command } from '../command.ts';
import { type Finding, gatewayFindings, serviceFindings, stoppedFindings, versionFindings } from '../findings.ts';
import { EXIT } from '../exit.ts';
import { hostPlatform } from '../platform.ts';

export const doctor: Command = {
  words: ['doctor'],
  args: [],
  summary: 'checks versions, the address, every service, and whether an audit chain stands still',
  run: async ({ env, out }) => {
    const platform = await hostPlatform(env);
    out.say(`the platform of ${platform.source}`);
    const services = await Promise.all(platform.instances.map(serviceFindings));
    const findings: Finding[] = [
      ...versionFindings(process.versions.node),
      ...(await Promise.all(platform.gateways.map(gatewayFindings))),
      ...services.map(({ finding }) => finding),
      ...services.flatMap(({ instance, ready }) => stoppedFindings(instance, ready)),
    ];
    const text = findings.map(({ ok, what, remedy }) => (ok ? `ok    ${what}` : `FAIL  ${what}\n      what to do: ${remedy}`)).join('\n');
    out.result({ ok: findings.every(({ ok }) => ok), findings }, text);
    const failing = findings.filter(({ ok }) => !ok);
    return failing.length === 0 ? EXIT.done : failing.some(({ unreachable }) => unreachable) ? EXIT.unreachable : EXIT.failure;
  },
};
