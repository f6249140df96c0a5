/** The platform's read models, for tests that put something into them or hold them up. */
import pg from 'pg';

/** Whoever opens it ends it. */
export async function openDatabase({ postgresUrl }: { postgresUrl: string }): Promise<pg.Client> {
  const url = new URL(postgresUrl);
  url.pathname = '/sallyport';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return client;
}

export async function withDatabase<T>(platform: { postgresUrl: string }, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await openDatabase(platform);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
