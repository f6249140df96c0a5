import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '../src/command.ts';
import { CommandFailed, EXIT } from '../src/exit.ts';
import { run } from '../src/run.ts';

const greet: Command = {
  words: ['admin', 'greet'],
  args: ['<name>', '[again]'],
  summary: 'says hello',
  options: { loud: { type: 'boolean' } },
  run: ({ args: [name = ''], values, out }) => {
    if (name === 'nobody') throw new CommandFailed(EXIT.not_found, 'nobody is there');
    if (name === 'defect') throw new TypeError('oops');
    out.say('greeting');
    out.result({ hello: name }, values['loud'] === true ? `HELLO ${name}` : `hello ${name}`);
    return Promise.resolve(EXIT.done);
  },
};

async function typed(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  const code = await run([greet], argv, {
    env: {},
    signal: new AbortController().signal,
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
  });
  return { code, stdout, stderr };
}

test('given a command, its result goes to stdout and its messages to stderr', async () => {
  assert.deepEqual(await typed('admin', 'greet', 'ada', '--loud'), { code: 0, stdout: 'HELLO ada\n', stderr: 'greeting\n' });
});

test('given --json, stdout is the value alone; given --quiet, nothing is said', async () => {
  assert.deepEqual(await typed('admin', 'greet', 'ada', '--json', '--quiet'), { code: 0, stdout: '{"hello":"ada"}\n', stderr: '' });
});

test('given no command, an unknown one, an unknown option or wrong arguments, it is a matter of usage', async () => {
  for (const argv of [[], ['admin'], ['greet'], ['admin', 'greet'], ['admin', 'greet', 'a', 'b', 'c'], ['admin', 'greet', 'a', '--soft']]) {
    const { code, stdout, stderr } = await typed(...argv);
    assert.deepEqual([code, stdout], [EXIT.usage, ''], argv.join(' '));
    assert.match(stderr, /usage: sallyport/);
  }
});

test('given --help, it is told on stdout', async () => {
  for (const argv of [['--help'], ['admin', 'greet', '--help']]) {
    const { code, stdout } = await typed(...argv);
    assert.equal(code, EXIT.done);
    assert.match(stdout, /says hello/);
  }
});

test('given a failure, it ends with the code of its cause, and a defect with 1', async () => {
  assert.deepEqual(await typed('admin', 'greet', 'nobody'), { code: EXIT.not_found, stdout: '', stderr: 'sallyport: nobody is there\n' });
  assert.equal((await typed('admin', 'greet', 'defect')).code, EXIT.failure);
});
