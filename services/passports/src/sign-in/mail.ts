/** Mail to people, when a server is set (`SALLYPORT_SMTP_URL`); without one there is none, and links are printed on the host (api.md §3.6). */
import { createTransport } from 'nodemailer';
import type { PassportsConfig } from '../config.ts';

export interface Mail {
  to: string;
  subject: string;
  text: string;
}

export interface Mailer {
  send(mail: Mail): Promise<void>;
  close(): void;
}

const TIMEOUT_MS = 10_000;

type MailConfig = Pick<PassportsConfig, 'PUBLIC_URL' | 'SALLYPORT_SMTP_URL' | 'SALLYPORT_SMTP_FROM'> & { SALLYPORT_SMTP_PASSWORD?: string };

/** Null: no server is set. The sender is `sallyport@<host of PUBLIC_URL>` unless it is set. */
export function mailerOf(config: MailConfig): Mailer | null {
  if (config.SALLYPORT_SMTP_URL === undefined) return null;
  const url = new URL(config.SALLYPORT_SMTP_URL);
  if (config.SALLYPORT_SMTP_PASSWORD !== undefined) url.password = encodeURIComponent(config.SALLYPORT_SMTP_PASSWORD);
  return openMailer(url.href, config.SALLYPORT_SMTP_FROM ?? `sallyport@${new URL(config.PUBLIC_URL).hostname}`);
}

/** `url`: `smtp://` or `smtps://`, with user and password where the server wants them. */
function openMailer(url: string, from: string): Mailer {
  const transport = createTransport({ url, connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS });
  return {
    send: async ({ to, subject, text }) => {
      // An address as an object is one address, whatever its text looks like.
      await transport.sendMail({ from, to: { name: '', address: to }, subject, text, disableFileAccess: true, disableUrlAccess: true });
    },
    close: () => transport.close(),
  };
}
