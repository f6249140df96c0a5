/** Text that a stranger sent, for a person's eyes: nothing invisible, nothing that turns the reading direction, not too long. Pure. */

export function shownText(text: string, longest: number): string {
  const visible = text
    .normalize('NFC')
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
    .replaceAll(/\s+/gu, ' ')
    .trim();
  const characters = [...visible];
  return characters.length <= longest ? visible : `${characters.slice(0, longest - 1).join('')}…`;
}
