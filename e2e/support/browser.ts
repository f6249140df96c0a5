/**
 * The system's Chromium as a person uses it. Every page that it opens is watched: what the content security policy refused, and what the browser complained
 * about, is kept and judged by `complaints`.
 */
import axe from 'axe-core';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const WAIT_MS = 30_000;

// Run in the page, which has types of its own.
const TELL_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) => complain(event.violatedDirective + ' ' + event.blockedURI))`;
const FOCUSED = `[document.activeElement?.innerText ?? '', ...[...(document.activeElement?.labels ?? [])].map((label) => label.textContent)].join(' ')`;
const BARRIERS = `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) =>
  JSON.stringify(violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => [id, html, failureSummary].join(': ')))))`;

export interface Person {
  context: BrowserContext;
  page: Page;
  /** Refusals of the policy and errors of the console since the last look. */
  complaints(): string[];
}

export async function openBrowser(executable: string): Promise<Browser> {
  return chromium.launch({ executablePath: executable, args: FLAGS });
}

/** A person with a browser of their own: no cookie of anybody else's. */
export async function person(browser: Browser, options: BrowserContextOptions = {}): Promise<Person> {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 }, ...options });
  context.setDefaultTimeout(WAIT_MS);
  const seen: string[] = [];
  await context.exposeFunction('complain', (text: string) => seen.push(text));
  await context.addInitScript(TELL_VIOLATIONS);
  const page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') seen.push(message.text());
  });
  page.on('pageerror', (error) => seen.push(String(error)));
  return { context, page, complaints: () => seen.splice(0) };
}

/** What keeps people from using the page as it stands: rule and element, one a line. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return JSON.parse(String(await page.evaluate(BARRIERS)));
}

/** Tabs on to the control of this name and presses a key there; fails where the keyboard cannot reach it. */
export async function press(page: Page, name: string, key = 'Enter'): Promise<void> {
  for (let tabs = 0; tabs < 40; tabs++) {
    await page.keyboard.press('Tab');
    const focused = String(await page.evaluate(FOCUSED));
    if (focused.includes(name)) return page.keyboard.press(key);
  }
  throw new Error(`the keyboard does not reach “${name}”`);
}
