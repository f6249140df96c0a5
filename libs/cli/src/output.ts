/** Where a command writes: results to stdout, messages to stderr. With `--json` stdout is one JSON document or NDJSON, and nothing else. */

export interface Output {
  json: boolean;
  /** For people, to stderr; silent with `--quiet`. */
  say(line: string): void;
  /** A result: the value with `--json`, else the text (left out: nothing). */
  result(value: unknown, text?: string): void;
}

export interface Streams {
  stdout(text: string): void;
  stderr(text: string): void;
}

export function createOutput({ stdout, stderr }: Streams, { json, quiet }: { json: boolean; quiet: boolean }): Output {
  return {
    json,
    say: (line) => {
      if (!quiet) stderr(`${line}\n`);
    },
    result: (value, text) => {
      if (json) stdout(`${JSON.stringify(value)}\n`);
      else if (text !== undefined) stdout(`${text}\n`);
    },
  };
}
