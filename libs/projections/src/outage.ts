/** Which errors are about the database rather than about the message: those are tried again for ever, they never make a dead letter. Pure. */

/** SQLSTATE classes: connection, transaction rollback (deadlock), resources, lock not available, operator intervention, system error. */
const CLASSES = ['08', '40', '53', '55', '57', '58'];
const IDLE_IN_TRANSACTION = '25P03';
const SYSTEM = /^E(CONN|PIPE|TIMEDOUT|HOST|NET|AI_AGAIN|ADDR)/;

export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/^[0-9A-Z]{5}$/.test(code) && /\d/.test(code)) return code === IDLE_IN_TRANSACTION || CLASSES.includes(code.slice(0, 2));
  // What the driver says without a code when the connection breaks under a query or none can be had.
  return (
    SYSTEM.test(code) ||
    /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error/i.test(error.message)
  );
}
