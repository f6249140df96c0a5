/** A refusal for a person's browser: text alone, under the policy that every answer has. Pure. */
import { htmlEscape } from 'escape-goat';

export function errorPage(message: string, requestId: string): string {
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    '<meta name="color-scheme" content="light dark"><title>Sallyport</title>',
    `<main><h1>This did not work</h1><p>${htmlEscape(message)}</p><p><small>${htmlEscape(requestId)}</small></p></main></html>`,
  ].join('\n');
}
