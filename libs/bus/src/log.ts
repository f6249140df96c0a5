/** What the bus needs of a logger; pino fits. Nothing that this library logs holds a payload. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Name, message and stack of whatever was thrown; never its other properties, which may hold bodies. */
export function errorFields(error: unknown): { error: string; stack?: string } {
  if (!(error instanceof Error)) return { error: String(error) };
  const text = `${error.name}: ${error.message}`;
  return error.stack ? { error: text, stack: error.stack } : { error: text };
}
