/** Asks until the probe neither throws nor says false; fails with the last reason at the deadline. */
export async function eventually<T>(probe: () => T | Promise<T>, timeoutMs = 20_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      const value = await probe();
      if (value !== false) return value;
      if (performance.now() > end) throw new Error('the condition stayed false');
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
